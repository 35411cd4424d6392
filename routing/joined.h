// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace postern::routing {

/// The parts, one behind the other, with one allocation: for reasons that many decisions have,
/// where fmt would take several.
inline std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts)
    size += part.size();
  std::string out;
  out.reserve(size);
  for (const std::string_view part : parts)
    out += part;
  return out;
}

/// A number in digits, as one of the parts.
class Digits {
 public:
  explicit Digits(std::size_t number)
      : end_(std::to_chars(octets_.data(), octets_.data() + octets_.size(), number).ptr) {}
  operator std::string_view() const {  // NOLINT: it is text
    return {octets_.data(), static_cast<std::size_t>(end_ - octets_.data())};
  }

 private:
  std::array<char, 20> octets_;
  const char* end_;
};

/// "mailboxes.txt, line 12"
inline std::string line_of_file(std::string_view file, std::size_t line) {
  return joined({file, ", line ", Digits(line)});
}

}  // namespace postern::routing
