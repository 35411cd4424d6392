// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "dns/resolver.h"
#include "queue/hop_health.h"
#include "routing/next_hop.h"
#include "smtp/limits.h"
#include "tls/context.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace postern::queue {

/// What probes need to know; copied into the prober.
struct HopProberConfig {
  std::string hostname;                            ///< EHLO
  std::shared_ptr<const tls::Context> tls;         ///< for next hops that must have TLS
  std::shared_ptr<tls::ClientContexts> verifying;  ///< for those whose servers are verified
  std::vector<net::Endpoint> own_endpoints;        ///< our listeners: never probed
  smtp::ClientTimeouts timeouts;      ///< as deliveries have them; `step` shortens them
  std::chrono::seconds step{10};      ///< no part of a probe takes longer
  std::shared_ptr<HopHealth> health;  ///< is told what was found; never null
  std::function<std::unique_ptr<dns::Resolver>(net::Executor)> resolver;
  /// A host of this next hop was good, and has no penalty any more. On the prober's thread.
  std::function<void(const std::string& hop)> on_good;
};

/// Looks after the hosts of next hops that have `probe`: a connection of its own to each address,
/// greeting, EHLO, QUIT (with TLS where the next hop must have it, verified where the config alone
/// says by what), then a pause. One for the
/// process, on a thread of its own. A host has one probe at a time, which is not counted against
/// `max_connections`: for its moment there is one connection more than that. The first probe is
/// made at once.
class HopProber {
 public:
  explicit HopProber(HopProberConfig config);
  ~HopProber();
  HopProber(const HopProber&) = delete;
  HopProber& operator=(const HopProber&) = delete;

  /// The next hops of the config that is in force now. Hosts that are probed already, in the same
  /// way, go on in their pauses; a probe of one that is not there any more ends without a word,
  /// and what was found before is forgotten. Any thread.
  void watch(std::vector<routing::NextHop> hops);
  /// Ends its thread; what is under way is broken off, and nothing is probed any more. The owner's
  /// thread; a second call does nothing.
  void stop();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace postern::queue
