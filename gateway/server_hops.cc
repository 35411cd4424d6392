// SPDX-License-Identifier: Apache-2.0
// The server's one prober of next hops, and the authorities that their servers are verified by.
#include "gateway/server.h"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <set>
#include <string>
#include <utility>

namespace postern::gateway {

void Server::make_prober(const queue::HopPoolConfig& pool,
                         const Worker::ResolverFactory& resolver) {
  queue::HopProberConfig config;
  config.hostname = pool.hostname;
  config.tls = pool.tls;
  config.verifying = pool.verifying;
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

/// Tells the prober which next hops there are now, and reads their authorities anew. Any thread.
void Server::watch_hops() {
  boost::asio::post(context_, [this] {
    const std::shared_ptr<const Runtime> now = runtime();
    load_authorities(now->config());
    prober_->watch(now->config().routing.next_hops);
  });
}

/// A file of authorities that has changed counts without a reload, as a listener's certificate
/// does.
void Server::look_at_authorities() {
  const std::vector<std::string> changed = authorities_.changed();
  if (changed.empty()) return;
  load_authorities(runtime()->config());
  // Not before: whoever reads this may rely on it.
  for (const std::string& file : changed)
    spdlog::info("TLS towards next hops: {} has changed and was read anew", file);
}

/// Reads the authorities that next hops' certificates are verified by, so that no worker has to;
/// connections that were verified by those of before end.
void Server::load_authorities(const Config& config) {
  std::set<std::string> files;
  const auto add = [&files](routing::TlsLevel level, const routing::TlsSettings& settings) {
    if (level > routing::TlsLevel::encrypt && settings.pins.empty()) files.insert(settings.ca);
  };
  for (const routing::NextHop& hop : config.routing.next_hops)
    add(hop.tls, hop.tls_settings);
  for (const routing::TlsPolicy& policy : config.routing.tls_policies)
    add(policy.tls, policy.settings);
  authorities_.taken(files);  // first: what changes while it is read is read again
  for (const tls::ContextError& error : verifying_->load(files))
    spdlog::error("TLS towards next hops: {}: {}", error.file, error.message);
  for (const std::unique_ptr<Worker>& worker : workers_)
    worker->retire_hops();
}

}  // namespace postern::gateway
