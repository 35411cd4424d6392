// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_address.h"

#include "smtp/address.h"

#include <algorithm>

namespace postern::directories {

std::string_view ldap_address_of(const LdapValue& value) {
  constexpr std::string_view kPrefix = "smtp:";
  const std::string_view text = value.value;
  if (smtp::iequals(text.substr(0, kPrefix.size()), kPrefix)) return text.substr(kPrefix.size());
  const std::string_view attribute =
      std::string_view(value.attribute).substr(0, value.attribute.find(';'));
  return smtp::iequals(attribute, "proxyAddresses") ? std::string_view() : text;
}

bool ldap_entry_has(const LdapEntry& entry, std::string_view address, std::string_view local) {
  return std::any_of(entry.values.begin(), entry.values.end(), [&](const LdapValue& value) {
    const std::string_view there = ldap_address_of(value);
    if (there.empty()) return false;
    const bool is_whole = there.find('@') != std::string_view::npos;
    return smtp::iequals(there, is_whole ? address : local);
  });
}

}  // namespace postern::directories
