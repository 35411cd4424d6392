// SPDX-License-Identifier: Apache-2.0
#include "directories/printable.h"

#include <cstdint>

namespace postern::directories {
namespace {

/// One character of UTF-8 (RFC 3629) at the front of `text`; size 0: there is none.
struct Character {
  std::uint32_t code = 0;
  std::size_t size = 0;
};

Character first_character(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = octet(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  std::uint32_t code = lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((octet(i) & 0xc0U) != 0x80U) return {};
    code = (code << 6) | (octet(i) & 0x3fU);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kSmallest[size] || code > 0x10ffff || surrogate) return {};
  return {code, size};
}

bool is_shown(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  const bool turns = (code >= 0x200e && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
                     (code >= 0x2066 && code <= 0x2069);
  const bool ends_line = code == 0x2028 || code == 0x2029;
  return !turns && !ends_line;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= limit) return out + "...";
    if (is_blank(text.front())) {
      if (!out.empty() && out.back() != ' ') out += ' ';
      text.remove_prefix(1);
      continue;
    }
    const Character next = first_character(text);
    const std::size_t taken = next.size == 0 ? 1 : next.size;
    const bool shown = next.size != 0 && is_shown(next.code);
    if (shown) out += text.substr(0, taken);
    // Active Directory ends its messages with a NUL.
    if (!shown && text.front() != '\0') out += '?';
    text.remove_prefix(taken);
  }
  while (!out.empty() && out.back() == ' ')
    out.pop_back();
  return out;
}

}  // namespace postern::directories
