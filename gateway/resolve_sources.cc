// SPDX-License-Identifier: Apache-2.0
#include "gateway/resolve_sources.h"

#include "dns/cares_resolver.h"
#include "dns/targets.h"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace postern::gateway {
namespace {

net::Awaitable<void> resolve_host(dns::Resolver& resolver,
                                  const routing::HostSpec& host,
                                  dns::Targets& out) {
  if (host.mx) {
    std::mt19937 any_order(0);  // NOLINT: only the set matters here
    out = co_await dns::mail_targets(resolver, host.host, host.port, any_order);
    co_return;
  }
  out = co_await dns::host_targets(resolver, host.host, host.port);
}

struct Wanted {
  const routing::HostSpec* host = nullptr;
  dns::Targets found;
};

Finding not_resolved(const Config& config, std::size_t hop, const Wanted& wanted) {
  return config.finding(
      Severity::warning,
      fmt::format("next_hop[{}].hosts", hop),
      "source-not-resolved",
      fmt::format("{}: {}; until the next reload mail from it does not count as coming from \"{}\" "
                  "(R7); write sources = [\"ADDRESS\", ...]",
                  wanted.host->str(),
                  wanted.found.detail.empty() ? "not found in DNS" : wanted.found.detail,
                  config.routing.next_hops[hop].name));
}

/// Asks for all names of one next hop side by side.
std::vector<Wanted> ask(const routing::NextHop& hop,
                        dns::Resolver& resolver,
                        net::IoContext& context) {
  std::vector<Wanted> all;
  for (const routing::HostSpec& host : hop.hosts) {
    if (host.mx || !parse_ip(host.host)) all.push_back({&host, {}});
  }
  for (Wanted& wanted : all) {
    boost::asio::co_spawn(context,
                          resolve_host(resolver, *wanted.host, wanted.found),
                          [](const std::exception_ptr& error) {
                            if (error) std::rethrow_exception(error);
                          });
  }
  const auto pending = [&all] {
    return std::any_of(all.begin(), all.end(), [](const Wanted& w) {
      return w.found.outcome == dns::Targets::Outcome::found && w.found.targets.empty();
    });
  };
  context.restart();
  while (pending() && context.run_one() != 0) {
  }
  return all;
}

}  // namespace

std::vector<Finding> resolve_sources(Config& config,
                                     dns::Resolver& resolver,
                                     net::IoContext& context) {
  std::vector<Finding> findings;
  std::vector<routing::NextHop>& hops = config.routing.next_hops;
  for (std::size_t i = 0; i < hops.size(); ++i) {
    const std::vector<std::string>& names = config.unresolved_sources;
    if (std::find(names.begin(), names.end(), hops[i].name) == names.end()) continue;
    std::vector<IpPrefix> sources = routing::default_sources(hops[i].hosts).prefixes();
    for (const Wanted& wanted : ask(hops[i], resolver, context)) {
      for (const dns::Target& target : wanted.found.targets) {
        sources.emplace_back(target.endpoint.address());
      }
      if (wanted.found.targets.empty()) findings.push_back(not_resolved(config, i, wanted));
    }
    hops[i].sources = IpSet(std::move(sources));
  }
  return findings;
}

std::vector<Finding> resolve_sources(Config& config) {
  if (config.unresolved_sources.empty()) return {};
  net::IoContext context(1);
  dns::CaresResolver resolver(context.get_executor(), config.dns);
  return resolve_sources(config, resolver, context);
}

}  // namespace postern::gateway
