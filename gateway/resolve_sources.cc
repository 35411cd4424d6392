// SPDX-License-Identifier: Apache-2.0
#include "gateway/resolve_sources.h"

#include "dns/cares_resolver.h"
#include "dns/targets.h"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

namespace postern::gateway {
namespace {

/// One name of one next hop. Shared with the question that is under way: that may outlive our wait.
struct Wanted {
  std::size_t hop = 0;
  routing::HostSpec host;
  dns::Targets found;
  bool answered = false;
};
using WantedPtr = std::shared_ptr<Wanted>;

net::Awaitable<dns::Targets> targets_of(dns::Resolver& resolver, routing::HostSpec host) {
  if (!host.mx) {
    dns::Targets named = co_await dns::host_targets(resolver, host.host, host.port);
    co_return named;
  }
  std::mt19937 any_order(0);  // NOLINT: only the set matters here
  dns::Targets mail = co_await dns::mail_targets(resolver, host.host, host.port, any_order);
  co_return mail;
}

net::Awaitable<void> ask(dns::Resolver& resolver, WantedPtr wanted) {
  wanted->found = co_await targets_of(resolver, wanted->host);
  wanted->answered = true;
}

/// The names to ask for, of all next hops whose names count as sources.
std::vector<WantedPtr> wanted_names(const Config& config) {
  std::vector<WantedPtr> all;
  const std::vector<std::string>& names = config.unresolved_sources;
  for (std::size_t i = 0; i < config.routing.next_hops.size(); ++i) {
    const routing::NextHop& hop = config.routing.next_hops[i];
    if (std::find(names.begin(), names.end(), hop.name) == names.end()) continue;
    for (const routing::HostSpec& host : hop.hosts) {
      if (!host.mx && parse_ip(host.host)) continue;
      all.push_back(std::make_shared<Wanted>(Wanted{i, host, {}}));
    }
  }
  return all;
}

void ask_all(const std::vector<WantedPtr>& all,
             const SourceQuery& query,
             dns::Resolver& resolver,
             net::IoContext& context) {
  std::size_t pending = all.size();
  for (const WantedPtr& wanted : all) {
    boost::asio::co_spawn(
        context, ask(resolver, wanted), [&pending](const std::exception_ptr& error) {
          if (error) std::rethrow_exception(error);
          --pending;
        });
  }
  context.restart();
  const std::stop_callback stop(query.stop, [&context] { context.stop(); });
  const net::TimePoint end = net::Clock::now() + query.wait;
  while (pending > 0 && context.run_one_until(end) != 0) {
  }
}

const routing::NextHop* hop_before(const SourceQuery& query, const routing::NextHop& hop) {
  return query.before == nullptr ? nullptr : query.before->routing.find_next_hop(hop.name);
}

Finding not_resolved(const Config& config, const Wanted& wanted, bool keeps) {
  const std::string why = !wanted.answered              ? "DNS has not answered in time"
                          : wanted.found.detail.empty() ? "not found in DNS"
                                                        : wanted.found.detail;
  const std::string effect =
      keeps ? fmt::format("what counted as \"{}\" before goes on to count (R7)",
                          config.routing.next_hops[wanted.hop].name)
            : fmt::format("until it is, mail from it does not count as coming from \"{}\" (R7)",
                          config.routing.next_hops[wanted.hop].name);
  return config.finding(
      Severity::warning,
      fmt::format("next_hop[{}].hosts", wanted.hop),
      "source-not-resolved",
      fmt::format(
          "{}: {}; {}; write sources = [\"ADDRESS\", ...]", wanted.host.str(), why, effect));
}

}  // namespace

std::vector<Finding> resolve_sources(Config& config,
                                     const SourceQuery& query,
                                     dns::Resolver& resolver,
                                     net::IoContext& context) {
  const std::vector<WantedPtr> all = wanted_names(config);
  ask_all(all, query, resolver, context);
  std::vector<Finding> findings;
  std::vector<routing::NextHop>& hops = config.routing.next_hops;
  for (std::size_t i = 0; i < hops.size(); ++i) {
    const std::vector<std::string>& names = config.unresolved_sources;
    if (std::find(names.begin(), names.end(), hops[i].name) == names.end()) continue;
    std::vector<IpPrefix> sources = routing::default_sources(hops[i].hosts).prefixes();
    const routing::NextHop* const before = hop_before(query, hops[i]);
    bool missing = false;
    for (const WantedPtr& wanted : all) {
      if (wanted->hop != i) continue;
      for (const dns::Target& target : wanted->found.targets) {
        sources.emplace_back(target.endpoint.address());
      }
      if (!wanted->found.targets.empty()) continue;
      missing = true;
      findings.push_back(not_resolved(config, *wanted, before != nullptr));
    }
    if (missing && before != nullptr) {
      const std::vector<IpPrefix> kept = before->sources.prefixes();
      sources.insert(sources.end(), kept.begin(), kept.end());
    }
    hops[i].sources = IpSet(std::move(sources));
  }
  return findings;
}

std::vector<Finding> resolve_sources(Config& config, const SourceQuery& query) {
  if (config.unresolved_sources.empty()) return {};
  net::IoContext context(1);
  dns::CaresResolver resolver(context.get_executor(), config.dns);
  return resolve_sources(config, query, resolver, context);
}

}  // namespace postern::gateway
