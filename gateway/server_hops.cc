// SPDX-License-Identifier: Apache-2.0
// The server's one prober of next hops.
#include "gateway/server.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace postern::gateway {

void Server::make_prober(const queue::HopPoolConfig& pool,
                         const Worker::ResolverFactory& resolver) {
  queue::HopProberConfig config;
  config.hostname = pool.hostname;
  config.tls = pool.tls;
  config.own_endpoints = pool.own_endpoints;
  config.timeouts = pool.timeouts;
  config.health = health_;
  config.resolver = resolver;
  config.on_good = [this](const std::string& hop) {
    // The list of workers is this thread's, not the prober's.
    boost::asio::post(context_, [this, hop] {
      for (const std::unique_ptr<Worker>& worker : workers_)
        worker->engine().hop_answers(hop);
    });
  };
  prober_ = std::make_unique<queue::HopProber>(std::move(config));
  watch_hops();
}

/// Tells the prober which next hops there are now. Any thread.
void Server::watch_hops() {
  boost::asio::post(context_, [this] { prober_->watch(runtime()->config().routing.next_hops); });
}

}  // namespace postern::gateway
