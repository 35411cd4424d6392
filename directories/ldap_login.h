// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/ldap_settings.h"

#include <cstdint>
#include <string>

namespace postern::directories {

enum class LdapVerdict : std::uint8_t { right, wrong, unavailable };

/// Is this the password of the one entry that the settings' filter finds for an address? Searches
/// with the settings' own account, then binds as the entry (RFC 4513 5.1.3), over connections for
/// this question alone. Blocks for the settings' time limit at most (and as long as the system
/// looks names up). Any thread. No entry, or several: wrong.
LdapVerdict check_ldap_password(const LdapSettings& settings,
                                const std::string& address,
                                const std::string& password);

}  // namespace postern::directories
