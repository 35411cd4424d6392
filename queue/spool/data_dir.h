// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "queue/spool/errors.h"

#include <string>

namespace postern::spool {

/// The spool's directory, held against any other process for as long as this lives:
///   lock      who has it (flock; the file holds the pid)
///   format    "postern spool 2": the version of what is in here (1 had no segments)
///   db/       the database        segments/  bodies of groups     bodies/  large ones, a file each
///   damaged/  moved aside
/// Made on first use, with access for the owner alone. One owner; any thread.
class DataDir {
 public:
  static Result<DataDir, OpenError> open(const std::string& path);
  ~DataDir();
  DataDir(DataDir&& other) noexcept;
  DataDir& operator=(DataDir&&) = delete;

  std::string database() const { return path_ + "/db"; }
  std::string segments() const { return path_ + "/segments"; }
  std::string bodies() const { return path_ + "/bodies"; }
  std::string damaged() const { return path_ + "/damaged"; }
  const std::string& path() const { return path_; }

 private:
  DataDir(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_ = -1;
};

}  // namespace postern::spool
