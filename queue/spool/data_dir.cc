// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/data_dir.h"

#include "base/durable_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <sys/file.h>
#include <unistd.h>

namespace postern::spool {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kFormat = 2;
constexpr std::string_view kFormatPrefix = "postern spool ";
constexpr mode_t kOwnerOnly = 0600;

OpenError failure(Errc code, std::string text) {
  return {make_error_code(code), std::move(text)};
}

OpenError system_failure(std::string_view what, const std::string& path) {
  return failure(Errc::bad_data_dir, fmt::format("{} {}: {}", what, path, std::strerror(errno)));
}

std::optional<OpenError> make_directory(const std::string& path) {
  std::error_code ec;
  const bool made = fs::create_directories(path, ec);
  if (ec) return failure(Errc::bad_data_dir, fmt::format("cannot make {}: {}", path, ec.message()));
  if (made) fs::permissions(path, fs::perms::owner_all, ec);
  if (made) sync_directory(fs::path(path).parent_path().string());
  return std::nullopt;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The lock's descriptor; the file tells who has it to whom it is refused.
Result<int, OpenError> take_lock(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly);
  if (fd < 0) return system_failure("cannot open", path);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    std::string holder = read_file(path);
    while (!holder.empty() && holder.back() == '\n')
      holder.pop_back();
    return failure(Errc::data_dir_in_use,
                   fmt::format("{} is in use by process {}",
                               fs::path(path).parent_path().string(),
                               holder.empty() ? "unknown" : holder));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    const OpenError error = system_failure("cannot write", path);
    ::close(fd);
    return error;
  }
  return fd;
}

std::string format_line() {
  return fmt::format("{}{}\n", kFormatPrefix, kFormat);
}

std::optional<OpenError> check_format(const std::string& directory) {
  const std::string path = directory + "/format";
  if (!fs::exists(path)) {
    if (write_file_durably(directory, "format", format_line())) {
      return std::nullopt;
    }
    return system_failure("cannot write", path);
  }
  const std::string text = read_file(path);
  unsigned version = 0;
  const char* const digits = text.data() + std::min(kFormatPrefix.size(), text.size());
  const auto parsed = std::from_chars(digits, text.data() + text.size(), version);
  if (!text.starts_with(kFormatPrefix) || parsed.ec != std::errc() || version == 0) {
    return failure(Errc::bad_data_dir, fmt::format("{} is not a spool's: {}", directory, path));
  }
  if (version > kFormat) {
    return failure(Errc::newer_format,
                   fmt::format("{} has format {}, this postern knows up to {}: use the newer "
                               "postern that wrote it",
                               directory,
                               version,
                               kFormat));
  }
  if (version == kFormat) return std::nullopt;
  // Before anything is written that an older postern would not find.
  if (write_file_durably(directory, "format", format_line())) return std::nullopt;
  return system_failure("cannot write", path);
}

}  // namespace

Result<DataDir, OpenError> DataDir::open(const std::string& path) {
  if (path.empty()) return failure(Errc::bad_data_dir, "no data directory is given");
  if (auto error = make_directory(path)) return *std::move(error);
  auto lock = take_lock(path + "/lock");
  if (!lock) return lock.error();
  DataDir dir(path, *lock);
  if (auto error = check_format(path)) return *std::move(error);
  for (const std::string& part : {dir.database(), dir.segments(), dir.bodies(), dir.damaged()}) {
    if (auto error = make_directory(part)) return *std::move(error);
  }
  // Also for one that was killed behind mkdir().
  if (!sync_directory(path)) return system_failure("cannot sync", path);
  return dir;
}

DataDir::DataDir(DataDir&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataDir::~DataDir() {
  // The lock goes with the descriptor; the file stays, since another process may wait for it.
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace postern::spool
