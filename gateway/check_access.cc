// SPDX-License-Identifier: Apache-2.0
#include "gateway/check_parts.h"
#include "gateway/config_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace postern::gateway {
namespace {

/// Blocks shorter than these hold whole parts of the internet.
constexpr unsigned kShortestIpv4 = 8;
constexpr unsigned kShortestIpv6 = 16;

bool overlap(const IpPrefix& a, const IpPrefix& b) {
  return a.contains(b.network()) || b.contains(a.network());
}

bool is_short(const IpPrefix& block) {
  return block.length() < (block.network().is_v4() ? kShortestIpv4 : kShortestIpv6);
}

void check_open_relay(const Config& config, Findings& out) {
  const std::vector<IpPrefix>& allowed = config.routing.allow_without_auth.prefixes();
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    if (!is_short(allowed[i])) continue;
    out.error(
        fmt::format("relay.allow_without_auth[{}]", i),
        "open-relay",
        fmt::format("{} lets strangers send anywhere (R2): an open relay; write the addresses "
                    "of your own servers",
                    allowed[i].str()));
  }
}

/// R7a: behind a server that rewrites addresses every stranger has that server's address.
void check_balancer(const Config& config, Findings& out) {
  const std::vector<IpPrefix>& balancers = config.routing.gateways.intermediate_mx.prefixes();
  for (std::size_t i = 0; i < balancers.size(); ++i) {
    for (const IpPrefix& allowed : config.routing.allow_without_auth.prefixes()) {
      if (!overlap(balancers[i], allowed)) continue;
      out.warning(
          fmt::format("gateways.intermediate_mx[{}]", i),
          "balancer-open-relay",
          fmt::format("{} is in relay.allow_without_auth too ({}): whoever comes through it "
                      "may send anywhere, an open relay; take it out there, PROXY protocol "
                      "is the answer (R7a)",
                      balancers[i].str(),
                      allowed.str()));
      break;
    }
  }
}

/// Where a host that may say XCLIENT stands between strangers and this server, they say it.
void check_xclient(const Config& config, Findings& out) {
  const std::vector<IpPrefix>& rewriting = config.routing.gateways.intermediate_mx.prefixes();
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    const std::vector<IpPrefix>& balancers = listener.proxy_protocol.prefixes();
    const std::vector<IpPrefix>& hosts = listener.xclient.prefixes();
    for (std::size_t b = 0; b < hosts.size(); ++b) {
      if (is_short(hosts[b])) continue;
      const auto meets = [&host = hosts[b]](const IpPrefix& other) { return overlap(host, other); };
      const std::string key = fmt::format("listener[{}].xclient[{}]", i, b);
      if (std::any_of(rewriting.begin(), rewriting.end(), meets)) {
        out.error(key,
                  "everybody-says-xclient",
                  fmt::format("{} is in gateways.intermediate_mx too: every stranger comes from "
                              "there (R7a) and could say that it is anybody, also who may relay "
                              "(R2); take it out of one of them",
                              hosts[b].str()));
      } else if (std::any_of(balancers.begin(), balancers.end(), meets)) {
        out.warning(key,
                    "xclient-of-a-balancer",
                    fmt::format("{} is in proxy_protocol too: its connections have a client of "
                                "their own, and XCLIENT is that client's to say; take it out here",
                                hosts[b].str()));
      }
    }
  }
}

/// Whoever may say who the client is may relay as anybody: by PROXY headers and XCLIENT.
void check_impersonators(const Config& config, Findings& out) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    for (const auto& [key, blocks] : {std::pair("proxy_protocol", &listener.proxy_protocol),
                                      std::pair("xclient", &listener.xclient)}) {
      const std::vector<IpPrefix>& list = blocks->prefixes();
      for (std::size_t b = 0; b < list.size(); ++b) {
        if (!is_short(list[b])) continue;
        out.error(fmt::format("listener[{}].{}[{}]", i, key, b),
                  "everybody-is-a-balancer",
                  fmt::format("{} lets strangers say that they are anybody, also who may relay "
                              "(R2); write the addresses of your own servers",
                              list[b].str()));
      }
    }
    for (const IpPrefix& balancer : listener.proxy_protocol.prefixes()) {
      if (is_short(balancer)) continue;
      for (const IpPrefix& allowed : config.routing.allow_without_auth.prefixes()) {
        if (!overlap(balancer, allowed)) continue;
        out.warning(fmt::format("listener[{}].proxy_protocol", i),
                    "proxy-in-allowlist",
                    fmt::format("{} is in relay.allow_without_auth too ({}): a client that it "
                                "does not know counts as itself and may send anywhere; take it "
                                "out there",
                                balancer.str(),
                                allowed.str()));
        break;
      }
    }
  }
}

void check_metrics(const Config& config, Findings& out) {
  if (config.metrics.listen.empty()) return;
  const Parsed<Bind> bind = parse_bind(config.metrics.listen);
  if (!bind || !bind->address.is_unspecified()) return;
  out.warning("metrics.listen",
              "metrics-open",
              "the page is for whoever reaches the machine; write \"127.0.0.1:9925\", or the "
              "address in the network of the monitoring");
}

void check_listeners(const Config& config, Findings& out) {
  if (config.listeners.empty() && !config.positions.empty()) {
    out.warning(
        "",
        "no-listener",
        "there is no listener: nothing can come in; write a [[listener]] with name, bind and "
        "role");
  }
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    const std::string path = fmt::format("listener[{}]", i);
    if (listener.role == routing::Role::mx && config.routing.domains.empty()) {
      out.warning(
          path + ".role",
          "no-domain",
          fmt::format("the listener \"{}\" is for mail to domains of ours and there is none: "
                      "it refuses everything that is not relayed (R1); write a [[domain]]",
                      listener.name));
    }
  }
}

}  // namespace

void check_access(const Config& config, Findings& out) {
  check_open_relay(config, out);
  check_balancer(config, out);
  check_impersonators(config, out);
  check_xclient(config, out);
  check_metrics(config, out);
  check_listeners(config, out);
}

}  // namespace postern::gateway
