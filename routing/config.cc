// SPDX-License-Identifier: Apache-2.0
#include "routing/config.h"

#include "smtp/address.h"

#include <fmt/format.h>

namespace postern::routing {

const NextHop* Config::find_next_hop(std::string_view name) const {
  for (const NextHop& hop : next_hops) {
    if (hop.name == name) return &hop;
  }
  return nullptr;
}

std::vector<std::string> default_stages() {
  return {"loop_guard",
          "relay_access",
          "lists",
          "policy",
          "rewrite",
          "journal",
          "sender_route",
          "tech_alias",
          "cutover",
          "dual_delivery",
          "custom_route",
          "internal_gateway",
          "address_validation",
          "unknown_recipient",
          "mailboxes",
          "external_gateway",
          "dns_mx"};
}

IpSet default_sources(const std::vector<HostSpec>& hosts) {
  std::vector<IpPrefix> out;
  for (const HostSpec& host : hosts) {
    const std::optional<IpAddress> address = host.mx ? std::nullopt : parse_ip(host.host);
    if (address) out.emplace_back(*address);
  }
  return IpSet(std::move(out));
}

std::optional<std::string> find_broken_reference(const Config& config) {
  const auto missing = [&config](const std::string& hop) {
    return config.find_next_hop(hop) == nullptr;
  };
  for (const Domain& domain : config.domains) {
    if (missing(domain.mailboxes)) {
      return fmt::format(
          "domain {}: mailboxes = \"{}\" is no next hop", domain.name, domain.mailboxes);
    }
  }
  for (const Route& route : config.routes) {
    if (missing(route.via)) {
      return fmt::format("route for {}: via = \"{}\" is no next hop",
                         route.domains.empty() ? "nothing" : route.domains.front(),
                         route.via);
    }
  }
  for (const SenderRoute& route : config.sender_routes) {
    if (missing(route.via)) return fmt::format("sender_route: \"{}\" is no next hop", route.via);
  }
  for (const Journal& journal : config.journals) {
    if (missing(journal.via)) return fmt::format("journal: \"{}\" is no next hop", journal.via);
  }
  const std::string& redirect = config.recipients.unknown_redirect;
  if (!redirect.empty() && missing(redirect)) {
    return fmt::format("recipients.unknown_redirect = \"{}\" is no next hop", redirect);
  }
  for (const std::string& hop : config.gateways.internal) {
    if (missing(hop)) return fmt::format("gateways.internal: \"{}\" is no next hop", hop);
  }
  for (const std::string& hop : config.gateways.external) {
    if (missing(hop)) return fmt::format("gateways.external: \"{}\" is no next hop", hop);
  }
  return std::nullopt;
}

}  // namespace postern::routing
