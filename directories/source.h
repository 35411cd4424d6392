// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"
#include "smtp/address.h"

#include <functional>
#include <memory>

namespace postern::directories {

/// One connection to a server that is asked by blocking calls (LDAP, SQL). Owned and used by one
/// thread of the pool that made it, never by an io thread.
class Source {
 public:
  virtual ~Source() = default;
  /// Does the server have a mailbox of exactly this address? The address comes under the domain's
  /// main name, folded to lower case unless `recipients.case_sensitive`; tags are the caller's.
  /// Connects when it must, tries the other servers when one fails, and blocks no longer than its
  /// own time limit: then `unavailable`, with the cause as evidence. What a server says is
  /// sanitised before it becomes evidence.
  virtual routing::DirectoryAnswer look_up(const smtp::Mailbox& address) = 0;
};

/// Makes one; called once by each thread of a pool.
using SourceFactory = std::function<std::unique_ptr<Source>()>;

}  // namespace postern::directories
