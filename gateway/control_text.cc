// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_text.h"

namespace postern::gateway {

std::string octets_as_text(std::string_view octets) {
  std::string out;
  out.reserve(octets.size());
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (octet >> 6));
      out += static_cast<char>(0x80 | (octet & 0x3f));
    }
  }
  return out;
}

std::string text_as_octets(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    if (octet < 0x80) {
      out += text[i];
      continue;
    }
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    const bool is_continuation = (next & 0xc0U) == 0x80U;
    if ((octet == 0xc2 || octet == 0xc3) && is_continuation) {
      out += static_cast<char>(((octet & 0x03U) << 6U) | (next & 0x3fU));
      ++i;
    } else {
      out += '?';
      while (i + 1 < text.size() && (static_cast<unsigned char>(text[i + 1]) & 0xc0U) == 0x80U)
        ++i;
    }
  }
  return out;
}

}  // namespace postern::gateway
