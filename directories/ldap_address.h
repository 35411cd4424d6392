// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/ldap_connection.h"

#include <string>
#include <string_view>

namespace postern::directories {

/// The mail address that a value stands for; empty: none. proxyAddresses of Active Directory hold
/// "SMTP:u@d" and "smtp:u@d" besides "x500:..." and "sip:..."; other attributes hold it plainly.
std::string_view ldap_address_of(const LdapValue& value);

/// Does the entry have this address as one of its values? ASCII letters without case; a value
/// without `@` is compared with the local part (`uid`, `sAMAccountName`).
bool ldap_entry_has(const LdapEntry& entry, std::string_view address, std::string_view local);

}  // namespace postern::directories
