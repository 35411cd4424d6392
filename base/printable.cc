// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <cstdint>

namespace postern {
namespace {

struct Character {
  std::size_t octets = 1;
  bool shows = false;
};

/// Does the terminal show it, rather than obey it?
bool shows(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return false;  // C0, DEL, C1
  if (code >= 0x200B && code <= 0x200F) return false;              // no width, direction marks
  if (code >= 0x2028 && code <= 0x202E) return false;              // line ends, direction
  if (code >= 0x2060 && code <= 0x206F) return false;              // direction isolates
  return code != 0xFEFF && (code < 0xD800 || code > 0xDFFF) && code <= 0x10FFFF;
}

/// The first character of a text that is not empty (RFC 3629; overlong forms are none).
Character first(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text.front());
  if (lead < 0x80) return {1, shows(lead)};
  const std::size_t octets = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < octets) return {};
  std::uint32_t code = lead & (0xFFU >> (octets + 1));
  for (std::size_t i = 1; i < octets; ++i) {
    const auto next = static_cast<std::uint8_t>(text[i]);
    if ((next & 0xC0U) != 0x80U) return {};
    code = code << 6U | (next & 0x3FU);
  }
  const bool overlong = (octets == 3 && code < 0x800) || (octets == 4 && code < 0x10000);
  if (overlong) return {};
  return {octets, shows(code)};
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  constexpr std::string_view kMore = "...";
  std::string out;
  std::size_t cut = 0;  // the last place at which kMore still fits behind
  bool space = false;
  while (!text.empty()) {
    const Character c = first(text);
    const std::string_view octets = text.substr(0, c.octets);
    text.remove_prefix(c.octets);
    if (!c.shows || octets == " ") {
      space = !out.empty();
      continue;
    }
    const std::size_t size = out.size() + (space ? 1 : 0) + octets.size();
    if (size > limit) {
      out.resize(cut);
      return limit < kMore.size() ? out : out.append(kMore);
    }
    if (space) out.push_back(' ');
    space = false;
    out.append(octets);
    if (out.size() + kMore.size() <= limit) cut = out.size();
  }
  return out;
}

}  // namespace postern
