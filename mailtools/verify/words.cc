// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/words.h"

#include "gateway/config_values.h"

#include <algorithm>

namespace postern::verify {

bool at_domain(std::string_view address, std::string_view domain) {
  return address.size() > domain.size() + 1 && address.ends_with(domain) &&
         address[address.size() - domain.size() - 1] == '@';
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

/// Local parts are kept as they are, and no octet may end the line of a command.
bool is_test_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  constexpr std::size_t kMost = 254;
  if (at == std::string_view::npos || at == 0 || text.size() > kMost) return false;
  if (!gateway::parse_domain(text.substr(at + 1))) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '<' || c == '>' || c == '"';
  });
}

}  // namespace postern::verify
