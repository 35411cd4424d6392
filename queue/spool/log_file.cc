// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/log_file.h"

#include "queue/spool/log_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/types.h>
#include <unistd.h>
#include <utility>

namespace postern::spool {

std::string system_error_of(std::string_view what, const std::string& path) {
  return fmt::format("{} {}: {}", what, path, std::strerror(errno));
}

std::vector<LogFile> logs_in(const std::string& database) {
  std::vector<LogFile> logs;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(database, ec)) {
    LogFile log{0, entry.path().filename().string(), entry.path().string()};
    const char* const end = log.name.data() + log.name.size();
    const auto parsed = std::from_chars(log.name.data(), end, log.number);
    const std::string_view rest(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    if (parsed.ec == std::errc() && rest == ".log") logs.push_back(std::move(log));
  }
  const auto older = [](const LogFile& a, const LogFile& b) { return a.number < b.number; };
  std::sort(logs.begin(), logs.end(), older);
  return logs;
}

OpenLog::OpenLog(const std::string& path, int flags)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}

OpenLog::~OpenLog() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<std::size_t> OpenLog::read(std::uint64_t offset, char* to, std::size_t size) const {
  std::size_t got = 0;
  while (got < size) {
    const ssize_t n = ::pread(fd_, to + got, size - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

bool OpenLog::write(std::string_view octets) const {
  while (!octets.empty()) {
    const ssize_t n = ::write(fd_, octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool OpenLog::sync() const {
  return ::fsync(fd_) == 0;
}

std::string read_log(const std::string& path, LogReader& reader) {
  const OpenLog file(path, O_RDONLY);
  if (!file.is_open()) return system_error_of("cannot open", path);
  std::array<char, kLogBlock> block{};
  for (std::uint64_t at = 0; !reader.is_foreign(); at += block.size()) {
    const auto got = file.read(at, block.data(), block.size());
    if (!got) return system_error_of("cannot read", path);
    if (*got > 0) reader.block({block.data(), *got});
    if (*got < block.size()) break;
  }
  reader.end();
  return {};
}

}  // namespace postern::spool
