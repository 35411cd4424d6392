// SPDX-License-Identifier: Apache-2.0
#include "smtp/text_rules.h"

#include <cstddef>

namespace postern::smtp {
namespace {

constexpr bool is_hex_upper(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'F');
}

/// Length of the UTF-8 sequence at `at`, 0 when it is none. The bounds of the second octet keep out
/// overlong forms, surrogates and what is above U+10FFFF (RFC 3629 4).
std::size_t sequence_at(std::string_view text, std::size_t at) {
  const auto octet = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = octet(at);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() - at < size) return 0;
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (octet(at + 1) < low || octet(at + 1) > high) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if ((octet(at + i) & 0xC0) != 0x80) return 0;
  }
  return size;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = sequence_at(text, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

bool is_xtext(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '+') {
      if (text.size() - at < 3 || !is_hex_upper(text[at + 1]) || !is_hex_upper(text[at + 2])) {
        return false;
      }
      at += 2;
    } else if (c < 33 || c > 126 || c == '=') {
      return false;
    }
  }
  return true;
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    if (is_control(c) && c != '\t') return true;
  }
  return false;
}

std::string_view word_of(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && !is_space(text[size])) ++size;
  return text.substr(0, size);
}

std::string_view skip_spaces(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view trim_right(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace postern::smtp
