// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace postern::gateway::proof {
namespace {

using routing::Behaviour;
using routing::Domain;
using routing::NextHop;

constexpr std::size_t kAnswers = 3;  ///< of a directory, and of a list

/// Addresses of documentation and of well-known places: one of them is nobody's next hop.
constexpr std::string_view kStrangers[] = {
    "198.51.100.7", "203.0.113.9", "192.0.2.33", "8.8.8.8", "93.184.216.34", "2001:db8:ffff::7"};

IpSet with(const IpSet& set, const IpAddress& address) {
  std::vector<IpPrefix> prefixes = set.prefixes();
  prefixes.emplace_back(address);
  return IpSet(std::move(prefixes));
}

/// An address of the block: one of `wanted` where it is in there.
IpAddress address_in(const IpPrefix& block, const std::vector<IpAddress>& wanted) {
  for (const IpAddress& address : wanted) {
    if (block.contains(address)) return address;
  }
  return block.network();
}

std::vector<IpAddress> host_addresses(const NextHop& hop) {
  std::vector<IpAddress> out;
  for (const routing::HostSpec& host : hop.hosts) {
    if (host.mx) continue;
    if (const std::optional<IpAddress> address = parse_ip(host.host)) out.push_back(*address);
  }
  return out;
}

}  // namespace

World::World(const Config& given, const routing::WayFiles* files)
    : given_(given), routing_(given.routing), renames_(given.routing, files) {
  if (routing_.routing.trace_key.empty()) routing_.routing.trace_key = "nothing is signed with it";
  routes_ = std::make_unique<const RouteIndex>(given_.routing);
  std::erase_if(routing_.rewrites,
                [this](const auto& rule) { return !rule.map.empty() && !renames_.is_read(rule); });
  take_domains();
  name_sources();
}

Result<std::unique_ptr<World>, std::string> World::build(const Config& given,
                                                         const routing::WayFiles* files) {
  std::unique_ptr<World> world(new World(given, files));
  const std::vector<Domain>& domains = given.routing.domains;
  const bool has_lists = std::any_of(domains.begin(), domains.end(), [](const Domain& domain) {
    return !domain.dual_delivery.empty() && domain.dual_delivery != "*";
  });
  for (std::size_t i = 0; i < kAnswers * kAnswers * (has_lists ? 2 : 1); ++i) {
    StubAnswers answers;
    answers.presence = static_cast<routing::Presence>(i / kAnswers % kAnswers);
    answers.cutover = static_cast<CutoverAnswer>(i % kAnswers);
    if (i >= kAnswers * kAnswers) answers.not_dual = &given.routing;
    auto pipeline = StubbedPipeline::build(world->routing_, answers, files);
    if (!pipeline) return pipeline.error();
    world->pipelines_.push_back(std::move(*pipeline));
  }
  world->find_clients();
  world->find_parties();
  return world;
}

void World::take_domains() {
  // Lists are not read: whoever may be on it is followed as if on it.
  for (Domain& domain : routing_.domains) {
    if (!domain.dual_delivery.empty()) domain.dual_delivery = "*";
  }
  domains_ = std::make_unique<const routing::DomainIndex>(routing_.domains);
  for (const std::size_t place : domains_to_follow(given_, *routes_, renames_))
    followed_.push_back(&routing_.domains[place]);
}

/// A host that is a name gets an address that nobody has, so that its mail can be told (R7).
void World::name_sources() {
  unsigned number = 0;
  for (NextHop& hop : routing_.next_hops) {
    if (!hop.sources.empty()) continue;
    const std::optional<IpAddress> made_up = parse_ip(fmt::format("240.0.0.{}", ++number % 256));
    if (!made_up) continue;
    hop.sources = with(hop.sources, *made_up);
    // Whether the allowlist covers it is DNS's to say; the doubt goes to the config's favour.
    routing_.allow_without_auth = with(routing_.allow_without_auth, *made_up);
  }
}

/// What G makes of a client: whose mail it is, and whether it may relay.
std::string World::kind_of(const IpAddress& address) const {
  std::string out = routing_.allow_without_auth.contains(address) ? "+" : "-";
  for (const NextHop& hop : routing_.next_hops)
    out += hop.sources.contains(address) ? '1' : '0';
  return out;
}

void World::find_parties() {
  for (const NextHop& hop : routing_.next_hops) {
    Party party{&hop, {}};
    std::set<std::string> kinds;
    const auto add = [&](const IpAddress& address, bool hidden) {
      if (kinds.insert(kind_of(address)).second) party.sources.push_back({address, hidden});
    };
    const std::vector<IpAddress> hosts = host_addresses(hop);
    for (const IpPrefix& block : hop.sources.prefixes())
      add(address_in(block, hosts), false);
    for (const IpAddress& host : hosts)
      add(host, false);
    const bool own_listener = std::any_of(given_.listeners.begin(),
                                          given_.listeners.end(),
                                          [&hop](const auto& l) { return l.from == hop.name; });
    if (hop.behaves == Behaviour::exchange && !own_listener) {
      for (const IpPrefix& block : routing_.gateways.intermediate_mx.prefixes())
        add(block.network(), true);
    }
    parties_.push_back(std::move(party));
  }
}

bool World::is_free(const IpAddress& address) const {
  return !routing_.gateways.intermediate_mx.contains(address) &&
         std::none_of(routing_.next_hops.begin(), routing_.next_hops.end(), [&](const NextHop& h) {
           const std::vector<IpAddress> hosts = host_addresses(h);
           return h.sources.contains(address) ||
                  std::find(hosts.begin(), hosts.end(), address) != hosts.end();
         });
}

void World::find_clients() {
  for (const std::string_view text : kStrangers) {
    const std::optional<IpAddress> address = parse_ip(text);
    if (!address || routing_.allow_without_auth.contains(*address)) continue;
    if (!stranger_ || (is_free(*address) && !is_free(*stranger_))) stranger_ = address;
  }
  for (const IpPrefix& block : routing_.allow_without_auth.prefixes()) {
    if (is_free(block.network())) friend_ = block.network();
  }
}

const StubbedPipeline& World::pipeline(const Person& person) const {
  const std::size_t place = static_cast<std::size_t>(person.presence) * kAnswers +
                            static_cast<std::size_t>(person.cutover);
  const std::size_t unlisted = place + kAnswers * kAnswers;
  return pipelines_[person.dual || unlisted >= pipelines_.size() ? place : unlisted];
}

const Domain* World::domain_of(std::string_view name) const {
  const routing::DomainIndex::Found* found = domains_->find(name);
  return found != nullptr ? found->domain : nullptr;
}

bool World::is_alias(const Domain& domain, std::string_view name) const {
  const routing::DomainIndex::Found* found = domains_->find(name);
  return found != nullptr && found->domain == &domain && found->under_alias;
}

std::size_t World::place_of(const Domain& domain) const {
  return static_cast<std::size_t>(&domain - routing_.domains.data());
}

std::size_t World::place_of(const NextHop& hop) const {
  return static_cast<std::size_t>(&hop - routing_.next_hops.data());
}

const NextHop* World::exchange_of(const Domain& domain) const {
  const auto exchange = [this](std::string_view name) -> const NextHop* {
    const NextHop* hop = routing_.find_next_hop(name);
    return hop != nullptr && hop->behaves == Behaviour::exchange ? hop : nullptr;
  };
  if (const NextHop* hop = exchange(routes_->via(domain.name))) return hop;
  if (const NextHop* hop = exchange(domain.mailboxes)) return hop;
  if (const NextHop* hop = exchange(routing_.recipients.unknown_redirect)) return hop;
  for (const NextHop& hop : routing_.next_hops) {
    if (hop.behaves == Behaviour::exchange && is_used(hop)) return &hop;
  }
  return nullptr;
}

bool World::coexists(const Domain& domain) const {
  const NextHop* hop = routing_.find_next_hop(routes_->via(domain.name));
  return hop != nullptr && hop->behaves == Behaviour::exchange;
}

/// A server that no rule sends to and no listener takes from has no part in the flow.
bool World::is_used(const NextHop& hop) const {
  const auto& routes = routing_.routes;
  const auto& listeners = given_.listeners;
  const auto leads = [&hop](const routing::Route& route) { return route.via == hop.name; };
  const auto takes = [&hop](const ListenerConfig& listener) { return listener.from == hop.name; };
  return is_gateway(hop) || std::any_of(routes.begin(), routes.end(), leads) ||
         std::any_of(listeners.begin(), listeners.end(), takes);
}

bool World::is_gateway(const NextHop& hop) const {
  const auto lists = [&hop](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), hop.name) != names.end();
  };
  const auto leads = [&hop](const routing::SenderRoute& route) { return route.via == hop.name; };
  const auto& by_sender = routing_.sender_routes;
  return lists(routing_.gateways.internal) || lists(routing_.gateways.external) ||
         std::any_of(by_sender.begin(), by_sender.end(), leads);
}

DomainTraits World::traits_of(const Domain& domain) const {
  return {exchange_of(domain) != nullptr,
          !domain.aliases.empty(),
          has_cutover(routing_, domain),
          !domain.dual_delivery.empty(),
          given_.routing.domains[place_of(domain)].dual_delivery == "*"};
}

const Party* World::party_of(const NextHop& hop) const {
  return &parties_[place_of(hop)];
}

const ListenerConfig* World::public_mx() const {
  const ListenerConfig* any = nullptr;
  for (const ListenerConfig& listener : given_.listeners) {
    if (listener.role != routing::Role::mx) continue;
    if (listener.from.empty()) return &listener;
    if (any == nullptr) any = &listener;
  }
  return any;
}

const ListenerConfig* World::entry_of(const NextHop& hop, bool by_mx) const {
  const ListenerConfig* mx = nullptr;
  const ListenerConfig* own = nullptr;
  const ListenerConfig* other = nullptr;
  for (const ListenerConfig& listener : given_.listeners) {
    if (listener.from == hop.name) {
      if (own == nullptr) own = &listener;
    } else if (listener.from.empty() && listener.role == routing::Role::mx) {
      if (mx == nullptr) mx = &listener;
    } else if (other == nullptr) {
      other = &listener;
    }
  }
  if (own != nullptr && !(by_mx && mx != nullptr)) return own;
  return mx != nullptr ? mx : other;
}

}  // namespace postern::gateway::proof
