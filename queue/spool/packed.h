// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace postern::spool {

/// A body as the database holds it: one octet that says how (0: as it is, 1: Zstandard), and the
/// octets, or one frame or several of them. Mail is text for the most part, and what the log has to
/// take before a 250 is what the disk's bandwidth goes into. RocksDB's own compression of the log
/// is no way to that: in 7.8 what follows a torn record is not read any more.
class Packer {
 public:
  Packer();
  ~Packer();
  Packer(Packer&&) = delete;

  /// What is known of a body: one that repeats itself is small with the least effort, too.
  enum class Kind : std::uint8_t { any, repeats };

  /// Packs what the parts hold together; valid until the next call. One thread.
  std::string_view pack(std::span<const std::string_view> parts, Kind kind = Kind::any);

 private:
  struct Context;
  bool add_frame(std::string_view octets, int level);
  std::unique_ptr<Context> context_;
  std::string raw_;
  std::string packed_;  ///< its front is what was packed; never made smaller
  std::size_t used_ = 0;
};

/// As a body that is not packed is held.
std::string as_it_is(std::string_view body);

/// Errc::damaged: these are no octets that pack() gave. Any thread.
Result<std::string> unpack(std::string_view packed);

}  // namespace postern::spool
