// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
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

/// pread(2): tests let it fail.
using ReadAt = std::function<ssize_t(int fd, void* to, std::size_t size, off_t offset)>;

/// A file that is closed when this goes. Where the disk cannot read it (EIO) its octets count as
/// zeros, sector by sector: a log has checksums. Blocks; one thread.
class OpenLog {
 public:
  /// `read_at` outlives it.
  OpenLog(const std::string& path, int flags, const ReadAt& read_at);
  ~OpenLog();
  OpenLog(const OpenLog&) = delete;
  bool is_open() const { return fd_ >= 0; }
  /// Up to `size` octets from there, fewer at the end; nullopt: errno says why.
  std::optional<std::size_t> read(std::uint64_t offset, char* to, std::size_t size);
  /// How many sectors of `kSector` octets could not be read so far.
  std::size_t bad_sectors() const { return bad_sectors_; }
  bool write(std::string_view octets) const;
  bool sync() const;

  static constexpr std::size_t kSector = 4096;

 private:
  int fd_;
  const ReadAt& read_at_;
  std::size_t bad_sectors_ = 0;
};

/// The whole log: how many sectors of it could not be read, or the error's text.
Result<std::size_t, std::string> read_log(const std::string& path,
                                          const ReadAt& read_at,
                                          LogReader& reader);

/// What was tried with a file, and errno.
std::string system_error_of(std::string_view what, const std::string& path);

}  // namespace postern::spool
