// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/ldap_settings.h"
#include "directories/source.h"

#include <memory>

namespace postern::directories {

/// Asks LDAP servers for one address at a time, over one kept connection. The first server that
/// answers is asked; one that failed is passed over for `rest`, then tried before the others again,
/// so that the preferred server gets its work back. A connection that the server has closed in the
/// meantime is renewed once. The settings must have passed check_ldap. Used by one thread.
///
/// An entry that the filter finds is a known mailbox, if `attributes` are set only when one of them
/// holds the address. Everything but a clear yes or no is `unavailable`, with the reason of each
/// server that was asked.
std::unique_ptr<Source> make_ldap_source(const LdapSettings& settings);

}  // namespace postern::directories
