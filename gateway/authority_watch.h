// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/file_stamp.h"

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
  struct Seen {
    FileStamp taken;
    FileStamp last;  ///< of the last look
  };

  std::map<std::string, Seen> files_;
};

}  // namespace postern::gateway
