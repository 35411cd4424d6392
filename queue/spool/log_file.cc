// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/log_file.h"

#include "base/durable_file.h"
#include "queue/spool/log_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
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

OpenLog::OpenLog(const std::string& path, int flags, const ReadAt& read_at)
    : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)), read_at_(read_at) {}

OpenLog::~OpenLog() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<std::size_t> OpenLog::read(std::uint64_t offset, char* to, std::size_t size) {
  bool by_sector = false;
  std::size_t got = 0;
  while (got < size) {
    const std::uint64_t at = offset + got;
    const std::size_t to_edge = kSector - static_cast<std::size_t>(at % kSector);
    const std::size_t wanted = by_sector ? std::min(size - got, to_edge) : size - got;
    const ssize_t n = read_at_(fd_, to + got, wanted, static_cast<off_t>(at));
    if (n == 0) break;
    if (n > 0) {
      got += static_cast<std::size_t>(n);
    } else if (errno == EIO && by_sector) {
      struct stat about {};
      if (::fstat(fd_, &about) != 0) return std::nullopt;
      const auto end = static_cast<std::uint64_t>(about.st_size);
      if (at >= end) break;
      const std::size_t lost = std::min<std::uint64_t>(wanted, end - at);
      std::fill_n(to + got, lost, '\0');
      got += lost;
      ++bad_sectors_;
    } else if (errno == EIO) {
      by_sector = true;
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
  return got;
}

bool OpenLog::write(std::string_view octets) const {
  return write_all(fd_, octets);
}

bool OpenLog::sync() const {
  return ::fsync(fd_) == 0;
}

Result<std::size_t, std::string> read_log(const std::string& path,
                                          const ReadAt& read_at,
                                          LogReader& reader) {
  OpenLog file(path, O_RDONLY, read_at);
  if (!file.is_open()) return system_error_of("cannot open", path);
  std::array<char, kLogBlock> block{};
  for (std::uint64_t at = 0; !reader.is_foreign(); at += block.size()) {
    const auto got = file.read(at, block.data(), block.size());
    if (!got) return system_error_of("cannot read", path);
    if (*got > 0) reader.block({block.data(), *got});
    if (*got < block.size()) break;
  }
  reader.end();
  return file.bad_sectors();
}

}  // namespace postern::spool
