// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/folder_name.h"

#include "base/base64.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace postern::verify {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

/// Takes a character off `rest`.
char32_t next_character(std::string_view& rest) {
  const auto first = static_cast<unsigned char>(rest.front());
  const std::size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  const bool starts = first < 0x80 || (first >= 0xC2 && first < 0xF5);
  if (!starts || rest.size() < length) {
    rest.remove_prefix(1);
    return kReplacement;
  }
  char32_t out = length == 1 ? first : first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(rest[i]);
    if ((next & 0xC0U) != 0x80U) {
      rest.remove_prefix(1);
      return kReplacement;
    }
    out = (out << 6U) | (next & 0x3FU);
  }
  rest.remove_prefix(length);
  return out;
}

void add_utf16(std::string& out, char32_t character) {
  const auto add = [&out](std::uint32_t unit) {
    out += static_cast<char>(unit >> 8U & 0xFFU);
    out += static_cast<char>(unit & 0xFFU);
  };
  if (character < 0x10000) return add(character);
  add(0xD800U + ((character - 0x10000U) >> 10U));
  add(0xDC00U + ((character - 0x10000U) & 0x3FFU));
}

/// Base64 without padding, with "," for "/".
void add_shifted(std::string& out, std::string& utf16) {
  if (utf16.empty()) return;
  std::string base64 = to_base64(utf16);
  base64.erase(base64.find_last_not_of('=') + 1);
  std::replace(base64.begin(), base64.end(), '/', ',');
  out += '&' + base64 + '-';
  utf16.clear();
}

void add_utf8(std::string& out, char32_t character) {
  const auto add = [&out](char32_t octet) { out += static_cast<char>(octet); };
  if (character < 0x80) return add(character);
  if (character < 0x800) {
    add(0xC0U | character >> 6U);
  } else if (character < 0x10000) {
    add(0xE0U | character >> 12U);
    add(0x80U | (character >> 6U & 0x3FU));
  } else {
    add(0xF0U | character >> 18U);
    add(0x80U | (character >> 12U & 0x3FU));
    add(0x80U | (character >> 6U & 0x3FU));
  }
  add(0x80U | (character & 0x3FU));
}

/// UTF-16 in network order as UTF-8; false: it is none.
bool add_from_utf16(std::string& out, std::string_view utf16) {
  char32_t high = 0;
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    const char32_t unit = static_cast<char32_t>(static_cast<unsigned char>(utf16[i])) << 8U |
                          static_cast<unsigned char>(utf16[i + 1]);
    const bool low = unit >= 0xDC00 && unit < 0xE000;
    if ((high != 0) != low) return false;
    if (unit >= 0xD800 && unit < 0xDC00) {
      high = unit;
      continue;
    }
    add_utf8(out, low ? 0x10000 + ((high - 0xD800) << 10U) + (unit - 0xDC00) : unit);
    high = 0;
  }
  return high == 0 && utf16.size() % 2 == 0;
}

/// What stands between "&" and "-".
bool add_unshifted(std::string& out, std::string_view shifted) {
  std::string base64(shifted);
  std::replace(base64.begin(), base64.end(), ',', '/');
  base64.append((4 - base64.size() % 4) % 4, '=');
  const std::optional<std::string> utf16 = from_base64(base64);
  return utf16 && add_from_utf16(out, *utf16);
}

}  // namespace

std::string imap_folder_name(std::string_view utf8) {
  std::string out;
  std::string utf16;
  while (!utf8.empty()) {
    const char32_t character = next_character(utf8);
    if (character < 0x20 || character > 0x7E) {
      add_utf16(utf16, character);
      continue;
    }
    add_shifted(out, utf16);
    out += static_cast<char>(character);
    if (character == U'&') out += '-';
  }
  add_shifted(out, utf16);
  return out;
}

std::string people_folder_name(std::string_view imap) {
  std::string out;
  for (std::string_view rest = imap; !rest.empty();) {
    const char first = rest.front();
    rest.remove_prefix(1);
    if (first != '&') {
      out += first;
      continue;
    }
    const std::size_t end = rest.find('-');
    if (end == std::string_view::npos) return std::string(imap);
    if (end == 0) out += '&';
    if (end != 0 && !add_unshifted(out, rest.substr(0, end))) return std::string(imap);
    rest.remove_prefix(end + 1);
  }
  return out;
}

}  // namespace postern::verify
