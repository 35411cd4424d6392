// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "dns/resolver.h"
#include "queue/hop_health.h"
#include "routing/verdict.h"
#include "smtp/limits.h"
#include "tls/context.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace postern::queue {

class StsPolicies;  // queue/sts_policies.h
class TlsObserver;  // queue/tls_outcome.h

/// What connections to next hops need; outlives the pool.
struct HopPoolConfig {
  std::string hostname;  ///< EHLO
  smtp::ClientTimeouts timeouts;
  std::shared_ptr<const tls::Context> tls;  ///< opportunistic; null: STARTTLS is not used
  /// Where certificates are verified, shared by all pools; null: such hosts are not used.
  std::shared_ptr<tls::ClientContexts> verifying;
  std::shared_ptr<StsPolicies> sts;       ///< null: no domain has a policy
  std::shared_ptr<TlsObserver> observer;  ///< null: nobody listens
  /// Our own listeners: a target that leads here would loop, and is refused with 554 5.4.6. In a
  /// list of MX hosts, what comes behind ourselves is left out too (RFC 5321 5.1).
  std::vector<net::Endpoint> own_endpoints;
  std::uint16_t mx_port = 25;
  /// Pools (worker threads) that a hop's limit of connections is for: each has its even share, and
  /// one at least.
  std::size_t pools = 1;
  std::chrono::seconds place_wait{30};  ///< for a free connection to a busy host, then 451 4.4.5
  /// For greeting and EHLO of a host while another is left: the client that waits for our reply to
  /// RCPT gives up after 5 minutes, and a host that hangs must not cost it the way over the other.
  std::chrono::seconds failover_patience{30};
  std::chrono::seconds search_limit{120};  ///< for finding a host that answers; no new try after it
  /// Which hosts are passed over: one for all pools that share it; null: the pool has its own.
  std::shared_ptr<HopHealth> health;
};

/// Connections of one worker thread to next hops: kept ones for reuse (LIFO, RSET-checked by the
/// next MAIL), new ones with failover over a target's hosts, counted against the hop's limits. Used
/// on its thread only.
class HopPool {
 public:
  HopPool(net::Executor executor, HopPoolConfig config, dns::Resolver& resolver);
  ~HopPool();
  HopPool(HopPool&&) = delete;

  /// Connections that are kept idle now, and all that are open (metrics, tests).
  std::size_t idle() const;
  std::size_t open() const;
  /// Connections to one host.
  struct HostConnections {
    net::Endpoint host;
    std::size_t open = 0;
    std::size_t idle = 0;  ///< of these
  };
  std::vector<HostConnections> hosts() const;
  /// Says QUIT on the kept ones whose servers were verified before the authorities were last read
  /// (ClientContexts::load()); those that are in use end behind their message.
  void retire_outdated();
  /// Says QUIT on the kept ones and closes them (shutdown).
  net::Awaitable<void> close_idle();

  /// The inside, shared with messages under way: they may outlive the pool at shutdown.
  struct Impl;
  const std::shared_ptr<Impl>& impl() const { return impl_; }

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace postern::queue
