// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_socket.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <filesystem>
#include <sys/un.h>
#include <unistd.h>

namespace postern::gateway {

ControlAddress::ControlAddress(const std::string& path) : name_(path) {
  if (path.size() < sizeof(sockaddr_un::sun_path)) return;
  const std::filesystem::path where(path);
  directory_ = ::open(where.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  name_.clear();
  if (directory_ < 0) return;
  name_ = fmt::format("/proc/self/fd/{}/{}", directory_, where.filename().string());
}

ControlAddress::~ControlAddress() {
  if (directory_ >= 0) ::close(directory_);
}

std::string control_path(const std::string& data_dir) {
  return data_dir + "/control";
}

}  // namespace postern::gateway
