// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/failure_guard.h"
#include "base/ip.h"

#include <optional>
#include <string>

namespace postern::gateway {

/// Of `[limits]`: how much one client may do, whatever its sessions. A rate whose count is 0 is no
/// limit.
struct ClientLimits {
  auth::Rate connections;    ///< beyond: 421 4.7.0
  auth::Rate messages;       ///< MAIL; beyond: 450 4.7.1
  auth::Rate recipients;     ///< RCPT; beyond: 450 4.7.1
  unsigned prefix_v4 = 32;   ///< bits of an address that make a client
  unsigned prefix_v6 = 128;  ///< a provider's hosts may share a /64
  /// Who is never limited, nor by sessions_per_client; not given: the allowlist and next hops.
  std::optional<IpSet> exempt;
};

/// `[metrics]`.
struct MetricsConfig {
  std::string listen;  ///< "ADDRESS:PORT", checked; empty: nothing is served
};

}  // namespace postern::gateway
