// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config_values.h"

#include <memory>
#include <string>
#include <string_view>

namespace postern::gateway {

/// A config file that a command reads and writes anew. Locked against other commands while it
/// lives; an editor does not know the lock, so replace() looks whether the file is still the one
/// that was read. Errors are sentences. One thread.
class ConfigFile {
 public:
  /// Follows symbolic links: what is replaced is the file, not the link to it.
  static Parsed<std::unique_ptr<ConfigFile>> open(const std::string& path);
  ~ConfigFile();
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;

  const std::string& text() const { return text_; }

  /// Writes a file beside it (same owner and mode, on stable storage) and renames it: whoever
  /// reads, also after a crash, finds the old text or the new one. Refused when the file has
  /// changed since open(). Once.
  Parsed<void> replace(std::string_view text);

 private:
  struct Identity;
  ConfigFile(std::string path, int fd);
  bool is_as_read() const;

  const std::string path_;
  const int fd_;
  std::string text_;
  std::unique_ptr<const Identity> identity_;
};

}  // namespace postern::gateway
