// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::spool {

/// Writes the spool's binary forms at the end of a string: LEB128 numbers, zigzag for signed ones,
/// strings with their length in front, 32 bits little-endian where the width must not vary.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void octet(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void number(std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U)
      octet(static_cast<std::uint8_t>(value | 0x80U));
    octet(static_cast<std::uint8_t>(value));
  }
  void signed_number(std::int64_t value) {
    number(static_cast<std::uint64_t>(value) << 1U ^ static_cast<std::uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    number(value.size());
    out_.append(value);
  }
  void raw(std::string_view value) { out_.append(value); }
  void fixed32(std::uint32_t value) {
    for (unsigned shift = 0; shift < 32; shift += 8)
      octet(static_cast<std::uint8_t>(value >> shift));
  }

 private:
  std::string& out_;
};

/// Reads them back. Never past the end: the first thing that does not fit makes it bad, and from
/// then on everything read is zero or empty. Takes only what the writer writes (no overlong
/// number), so that bytes and values correspond one to one.
class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : rest_(in) {}

  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  std::uint8_t octet() {
    const std::string_view one = raw(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = octet();
      value |= static_cast<std::uint64_t>(next & 0x7fU) << shift;
      if ((next & 0x80U) == 0) {
        const bool overlong = next == 0 && shift != 0;
        const bool too_large = shift == 63 && next > 1;
        return overlong || too_large ? fail() : value;
      }
    }
    return fail();
  }
  /// A number that must not exceed `limit`.
  std::uint64_t number(std::uint64_t limit) {
    const std::uint64_t value = number();
    return value > limit ? fail() : value;
  }
  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1U ^ (~(value & 1U) + 1U));
  }
  std::string_view text() { return raw(number()); }
  std::string_view raw(std::uint64_t size) {
    if (!good_ || size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::uint32_t fixed32() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 32; shift += 8) {
      value |= static_cast<std::uint32_t>(octet()) << shift;
    }
    return value;
  }
  /// Always 0, so that callers can return it.
  std::uint64_t fail() {
    good_ = false;
    rest_ = {};
    return 0;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace postern::spool
