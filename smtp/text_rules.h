// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace postern::smtp {

// Character classes of RFC 5321 4.1.2, RFC 5234 and RFC 3461. ASCII alone, no locale.

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_alnum(char c) {
  return is_digit(c) || is_alpha(c);
}
constexpr bool is_space(char c) {
  return c == ' ' || c == '\t';
}
constexpr bool is_8bit(char c) {
  return static_cast<unsigned char>(c) > 127;
}
constexpr bool is_control(char c) {
  return static_cast<unsigned char>(c) < 32 || c == 127;
}
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// atext of RFC 5322 3.2.3; octets above 127 too (RFC 6531 3.3): whether they are allowed, and are
/// UTF-8, is asked for the whole of a text.
constexpr bool is_atext(char c) {
  return is_alnum(c) || is_8bit(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

constexpr bool has_8bit(std::string_view text) {
  for (const char c : text) {
    if (is_8bit(c)) return true;
  }
  return false;
}

/// UTF-8 of RFC 3629: shortest form, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

/// xtext of RFC 3461 4: "+" and two upper-case hexadecimal digits, or 33 to 126 without "+" and
/// "=". Empty text is xtext.
bool is_xtext(std::string_view text);

/// A control character other than HTAB, which counts as white space.
bool has_control(std::string_view text);

/// Octets up to the first space or tab.
std::string_view word_of(std::string_view text);
std::string_view skip_spaces(std::string_view text);
std::string_view trim_right(std::string_view text);

}  // namespace postern::smtp
