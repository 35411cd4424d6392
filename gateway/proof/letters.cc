// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/letters.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace postern::gateway::proof {
namespace {

using routing::Behaviour;
using routing::Domain;
using routing::NextHop;

Start client(std::string name, const ListenerConfig& listener, const IpAddress& address) {
  Start start;
  start.name = std::move(name);
  start.listener = &listener;
  start.client = address;
  return start;
}

bool has_mailboxes(const World& world, const NextHop& hop) {
  const std::vector<Domain>& domains = world.routing().domains;
  return std::any_of(domains.begin(), domains.end(), [&hop](const Domain& domain) {
    return domain.mailboxes == hop.name;
  });
}

/// Which next hops send mail to G: servers with mailboxes, and gateways of the config.
bool sends_mail(const World& world, const NextHop& hop) {
  if (hop.behaves == Behaviour::exchange || hop.behaves == Behaviour::vk_workspace) return true;
  return has_mailboxes(world, hop) || world.is_gateway(hop);
}

void add_clients(const World& world, std::vector<Beginning>& out) {
  for (const ListenerConfig& listener : world.given().listeners) {
    const bool is_mx = listener.role == routing::Role::mx;
    // Strangers come to the public listener; one that is a next hop's is the outside's only where
    // there is no other.
    const bool open = is_mx && (listener.from.empty() || &listener == world.public_mx());
    if (open && world.stranger()) {
      out.push_back({Origin::stranger, client("E", listener, *world.stranger())});
      for (const IpPrefix& block : world.routing().gateways.intermediate_mx.prefixes()) {
        Start start = client("E behind the balancer", listener, block.network());
        start.hidden = true;
        out.push_back({Origin::balancer, std::move(start)});
      }
    }
    if (open && world.friend_of_ours()) {
      out.push_back({Origin::allowed, client("allowed client", listener, *world.friend_of_ours())});
    }
    if ((!is_mx || offers_auth(world.given(), listener)) && world.stranger()) {
      Start start = client("user", listener, *world.stranger());
      start.identity = "user";
      out.push_back({Origin::authenticated, std::move(start)});
    }
    const std::vector<tls::ClientCertificate>& known = world.given().tls.clients;
    if (listener.ask_certificate && !known.empty() && world.stranger()) {
      Start start = client("client with a certificate", listener, *world.stranger());
      start.identity = "certificate:" + known.front().name;
      out.push_back({Origin::authenticated, std::move(start)});
    }
  }
}

}  // namespace

std::vector<Beginning> beginnings(const World& world, const Domain* domain) {
  std::vector<Beginning> out;
  const NextHop* x = domain != nullptr ? world.exchange_of(*domain) : nullptr;
  if (x != nullptr) {
    Start start;
    start.name = "E";
    start.to_hop = x;
    out.push_back({Origin::by_mx, std::move(start)});
  }
  add_clients(world, out);
  for (const Party& party : world.parties()) {
    const NextHop& hop = *party.hop;
    if (!sends_mail(world, hop)) continue;
    Start start;
    start.name = hop.name;
    start.hop = &hop;
    Origin origin = Origin::filter;
    if (hop.behaves == Behaviour::exchange) {
      origin = Origin::exchange;
      if (domain != nullptr) start.to_hop = &hop;  // its own users' mail is looked at there first
    } else if (hop.behaves == Behaviour::vk_workspace || has_mailboxes(world, hop)) {
      origin = Origin::workspace;
    }
    out.push_back({origin, std::move(start)});
  }
  return out;
}

std::vector<Wiring> wirings(const World& world) {
  std::vector<Wiring> out(1);
  const auto both = [&out](bool Wiring::*what) {
    const std::size_t n = out.size();
    for (std::size_t i = 0; i < n; ++i) {
      Wiring other = out[i];
      other.*what = true;
      out.push_back(other);
    }
  };
  bool x = false;
  bool v = false;
  bool relay = false;
  bool own_listener = false;
  for (const NextHop& hop : world.routing().next_hops) {
    x = x || hop.behaves == Behaviour::exchange;
    v = v || hop.behaves == Behaviour::vk_workspace;
    relay = relay || (hop.behaves == Behaviour::relay && world.is_gateway(hop));
  }
  for (const ListenerConfig& listener : world.given().listeners)
    own_listener = own_listener || !listener.from.empty();
  const routing::GatewaysConfig& gateways = world.routing().gateways;
  if (own_listener) both(&Wiring::t_by_mx);
  if (x && v) both(&Wiring::v_sends_d_to_x);
  if (relay) both(&Wiring::relays_return);
  if (gateways.internal.size() > 1 || gateways.external.size() > 1) both(&Wiring::last_of_list);
  const std::size_t n = out.size();
  for (const Party& party : world.parties()) {
    for (std::size_t k = 1; k < party.sources.size(); ++k) {
      for (std::size_t i = 0; i < n; ++i) {
        Wiring other = out[i];
        other.odd = &party;
        other.odd_source = k;
        out.push_back(other);
      }
    }
  }
  return out;
}

std::vector<std::string> domains_elsewhere(const World& world) {
  std::vector<std::string> out = {"outside.example"};
  std::set<std::string, std::less<>> ours;
  for (const Domain& domain : world.given().routing.domains) {
    ours.insert(domain.name);
    ours.insert(domain.aliases.begin(), domain.aliases.end());
  }
  std::set<std::string> vias;
  for (const routing::Route& route : world.given().routing.routes) {
    for (const std::string& pattern : route.domains) {
      if (pattern == "*" || vias.contains(route.via)) continue;
      std::string name = pattern.starts_with("*.") ? "host" + pattern.substr(1) : pattern;
      if (ours.contains(name)) continue;
      vias.insert(route.via);
      out.push_back(std::move(name));
    }
  }
  return out;
}

}  // namespace postern::gateway::proof
