// SPDX-License-Identifier: Apache-2.0
// What the server tells monitoring beyond what is counted where it happens.
#include "base/metrics.h"
#include "gateway/memory_report.h"
#include "gateway/server.h"

#include <chrono>
#include <cmath>
#include <map>
#include <string>

namespace postern::gateway {
namespace {

/// The thread that accepts connections has this page to make.
constexpr std::size_t kLettersLookedAt = 1000;

/// Next hops' hosts that are well, and that are passed over.
struct HostTally {
  std::size_t well = 0;
  std::size_t avoided = 0;
};

}  // namespace

Result<void, BindError> Server::open_metrics() {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  metrics::gauge("postern_start_time_seconds").set(std::floor(now.count()));
  const std::string listen = runtime()->config().metrics.listen;
  if (listen.empty()) return {};
  auto opened =
      MetricsServer::open(context_.get_executor(), listen, [this] { return metrics_page(); });
  if (!opened) return BindError{opened.error()};
  metrics_ = *std::move(opened);
  return {};
}

/// Any thread, while the server runs.
std::string Server::metrics_page() const {
  const std::lock_guard lock(page_mutex_);
  metrics::gauge("postern_sessions").set(static_cast<double>(gate_.sessions()));
  const spool::Ledger ledger = spool_->stats().ledger;
  metrics::gauge("postern_queue_messages").set(static_cast<double>(ledger.messages));
  metrics::gauge("postern_queue_octets").set(static_cast<double>(ledger.octets));
  show_in_metrics(memory_report(*spool_, kLettersLookedAt));
  metrics::forget_gauges("postern_certificate_expiry_seconds");
  for (const tls::CertificateFacts& certificate : runtime()->snapshot->certificates()) {
    const std::chrono::duration<double> end = certificate.not_after.time_since_epoch();
    metrics::gauge("postern_certificate_expiry_seconds", {certificate.file}).set(end.count());
  }
  std::map<std::string, HostTally> hops;
  for (const routing::NextHop& hop : runtime()->config().routing.next_hops)
    hops[hop.name];
  const net::TimePoint now = net::Clock::now();
  for (const auto& [host, state] : health_->all()) {
    for (const queue::HostUse& use : state.uses) {
      const auto hop = hops.find(use.hop);
      if (hop == hops.end()) continue;
      ++(state.avoided_until() > now ? hop->second.avoided : hop->second.well);
    }
  }
  metrics::forget_gauges("postern_hop_hosts");
  for (const auto& [name, tally] : hops) {
    metrics::gauge("postern_hop_hosts", {name, "well"}).set(static_cast<double>(tally.well));
    metrics::gauge("postern_hop_hosts", {name, "avoided"}).set(static_cast<double>(tally.avoided));
  }
  return metrics::text();
}

}  // namespace postern::gateway
