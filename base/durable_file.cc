// SPDX-License-Identifier: Apache-2.0
#include "base/durable_file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace postern {
namespace {

constexpr mode_t kOwnerOnly = 0600;

}  // namespace

bool write_all(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t n = ::write(fd, octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool sync_directory(const std::string& path) {
  const int fd = ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  return synced;
}

bool write_file_durably(const std::string& directory,
                        const std::string& name,
                        std::string_view octets) {
  const std::string path = directory + "/" + name;
  const std::string draft = path + ".new";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) return false;
  const bool written = write_all(fd, octets) && ::fsync(fd) == 0;
  const bool closed = ::close(fd) == 0;
  return written && closed && ::rename(draft.c_str(), path.c_str()) == 0 &&
         sync_directory(directory);
}

}  // namespace postern
