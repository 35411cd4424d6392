// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "dns/resolver.h"
#include "routing/verdict.h"
#include "smtp/limits.h"
#include "tls/context.h"

#include <memory>
#include <random>
#include <string>

namespace postern::queue {

/// What connections to next hops need; outlives the pool.
struct HopPoolConfig {
  std::string hostname;  ///< EHLO
  smtp::ClientTimeouts timeouts;
  std::shared_ptr<const tls::Context> tls;  ///< opportunistic; null: STARTTLS is not used
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
  /// Says QUIT on the kept ones and closes them (shutdown).
  net::Awaitable<void> close_idle();

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::queue
