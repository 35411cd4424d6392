// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace postern::gateway {

/// Notices when files of authorities change on disk. Looked at now and then by one thread; a stat a
/// file.
class AuthorityWatch {
 public:
  /// What these files are now is what is in use; others are forgotten.
  void taken(const std::set<std::string>& files);
  /// Those that are not as they were taken, once they are the same in two looks one behind the
  /// other: a file that is being written is waited for. One that is gone is not told.
  std::vector<std::string> changed();

 private:
  /// Of a file, as stat() has it; absent: all zero.
  struct Stamp {
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Seen {
    Stamp taken;
    Stamp last;  ///< of the last look
  };
  static Stamp stamp_of(const std::string& file);

  std::map<std::string, Seen> files_;
};

}  // namespace postern::gateway
