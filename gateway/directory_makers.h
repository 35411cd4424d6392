// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/ldap_settings.h"
#include "directories/source.h"
#include "gateway/config.h"
#include "routing/directory.h"

#include <functional>
#include <memory>

namespace postern::gateway {

/// How directories that need a client of their own are made. What is empty this build cannot ask,
/// and a config that wants it is refused. Callouts need the queue's connections, which the config's
/// library does not have: hence functions.
struct DirectoryMakers {
  std::function<directories::SourceFactory(const directories::Config&)> ldap;
  std::function<directories::SourceFactory(const directories::Config&)> sql;
  /// mode = "bulk": answers without waiting, refreshes itself. The config outlives it.
  std::function<std::unique_ptr<routing::Directory>(const directories::Config&, const Config&)>
      ldap_bulk;
  /// Asked for plain addresses (main domain); behind a cache. The config outlives it.
  std::function<std::unique_ptr<routing::Directory>(const directories::Config&, const Config&)>
      smtp;
};

/// A `[[directory]] kind = "ldap"` as LDAP's own code has it.
directories::LdapSettings ldap_settings(const directories::Config& config);

/// What this process can ask: the default of Snapshot::Options, so that every command asks alike.
/// Added to by main() alone, before it starts anything.
DirectoryMakers& makers_of_process();

}  // namespace postern::gateway
