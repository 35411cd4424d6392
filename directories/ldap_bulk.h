// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "directories/bulk_directory.h"
#include "directories/ldap_settings.h"

#include <cstddef>
#include <stop_token>
#include <string>

namespace postern::directories {

/// Reads every address that the settings' attributes hold in the entries of base and filter, by
/// pages (RFC 2696), and gives them to `take` only when the last page has come: what fails in the
/// middle gives nothing. The servers are tried in their order, each from the beginning. Blocks; a
/// page takes no longer than `timeout`. Returns how many addresses there were, or why there are
/// none, printable.
Result<std::size_t, std::string> load_ldap(const LdapSettings& settings,
                                           const TakeAddress& take,
                                           const std::stop_token& stop = {});

/// load_ldap with a copy of the settings, for a BulkDirectory.
LoadAddresses ldap_loader(LdapSettings settings);

}  // namespace postern::directories
