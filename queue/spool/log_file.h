// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::spool {

class LogReader;

/// A log of the database.
struct LogFile {
  std::uint64_t number = 0;
  std::string name;
  std::string path;
};

/// The order of their numbers is the order in which they were written.
std::vector<LogFile> logs_in(const std::string& database);

/// A file that is closed when this goes. Blocks; one thread.
class OpenLog {
 public:
  OpenLog(const std::string& path, int flags);
  ~OpenLog();
  OpenLog(const OpenLog&) = delete;
  bool is_open() const { return fd_ >= 0; }
  /// Up to `size` octets from there, fewer at the end; nullopt: errno says why.
  std::optional<std::size_t> read(std::uint64_t offset, char* to, std::size_t size) const;
  bool write(std::string_view octets) const;
  bool sync() const;

 private:
  int fd_;
};

/// The whole log; the error's text, empty: all of it was read.
std::string read_log(const std::string& path, LogReader& reader);

/// What was tried with a file, and errno.
std::string system_error_of(std::string_view what, const std::string& path);

}  // namespace postern::spool
