// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace postern {

/// What stat() says of a file by which a change is seen: two that are equal are the same file with
/// the same content, unless somebody sets its times back. A plain value; all zero: no file.
struct FileStamp {
  std::int64_t modified_ns = 0;  ///< since 1970
  std::int64_t changed_ns = 0;   ///< of the inode
  std::uint64_t size = 0;        ///< octets
  std::uint64_t inode = 0;

  /// Of what is there by this name, links followed; all zero where that cannot be asked. Any
  /// thread.
  static FileStamp of(const std::string& path);
  /// Of an open file. nullopt: errno says why not; of a negative descriptor what open() has left
  /// there. Any thread.
  static std::optional<FileStamp> of(int descriptor);

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

}  // namespace postern
