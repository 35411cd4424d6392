// SPDX-License-Identifier: Apache-2.0
#include "gateway/check_parts.h"
#include "gateway/config_values.h"
#include "gateway/proof/routes.h"
#include "smtp/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

namespace postern::gateway {
namespace {

using routing::Domain;
using routing::HostSpec;
using routing::NextHop;

/// Does a connection to `host` end at a listener on `bind`? A wildcard listens on loopback for
/// certain; which other addresses are this machine's is not asked.
bool leads_to(const HostSpec& host, const Bind& bind, const std::string& hostname) {
  if (bind.port != host.port || host.mx) return false;
  const std::optional<IpAddress> address = parse_ip(host.host);
  if (!address) return smtp::iequals(host.host, hostname) || smtp::iequals(host.host, "localhost");
  if (bind.address.is_unspecified()) return address->is_loopback();
  return *address == bind.address;
}

void check_own_address(const Config& config, Findings& out) {
  for (std::size_t i = 0; i < config.routing.next_hops.size(); ++i) {
    const NextHop& hop = config.routing.next_hops[i];
    for (std::size_t j = 0; j < hop.hosts.size(); ++j) {
      for (const ListenerConfig& listener : config.listeners) {
        const Parsed<Bind> bind = parse_bind(listener.bind);
        if (!bind || !leads_to(hop.hosts[j], *bind, config.hostname)) continue;
        out.error(
            fmt::format("next_hop[{}].hosts[{}]", i, j),
            "loop",
            fmt::format("{} is postern's own listener \"{}\": mail for \"{}\" would come back "
                        "at once; write the address of the other server",
                        hop.hosts[j].str(),
                        listener.name,
                        hop.name));
      }
    }
  }
}

void check_unused_hops(const Config& config, Findings& out) {
  const routing::Config& routing = config.routing;
  std::set<std::string> used{routing.recipients.unknown_redirect};
  used.merge(names_in_settings(config));
  for (const directories::Config& directory : config.directories)
    used.insert(directory.smtp.next_hop);
  for (const ListenerConfig& listener : config.listeners)
    used.insert(listener.from);
  for (const Domain& domain : routing.domains)
    used.insert(domain.mailboxes);
  for (const routing::Route& route : routing.routes)
    used.insert(route.via);
  for (const routing::SenderRoute& route : routing.sender_routes)
    used.insert(route.via);
  for (const routing::Journal& journal : routing.journals)
    used.insert(journal.via);
  used.insert(routing.gateways.internal.begin(), routing.gateways.internal.end());
  used.insert(routing.gateways.external.begin(), routing.gateways.external.end());
  for (std::size_t i = 0; i < routing.next_hops.size(); ++i) {
    const std::string& name = routing.next_hops[i].name;
    if (used.contains(name)) continue;
    out.warning(fmt::format("next_hop[{}].name", i),
                "unused-next-hop",
                fmt::format("nothing refers to \"{}\"; name it in a [[route]], a [[domain]] or "
                            "[gateways], or leave it out",
                            name));
  }
}

/// R7: a client is told by its address; what a name resolves to is asked at a start and a reload.
void check_sources(const Config& config, Findings& out) {
  for (std::size_t i = 0; i < config.routing.next_hops.size(); ++i) {
    const NextHop& hop = config.routing.next_hops[i];
    const std::vector<std::string>& unknown = config.unresolved_sources;
    if (std::find(unknown.begin(), unknown.end(), hop.name) == unknown.end()) continue;
    const std::string path = fmt::format("next_hop[{}].hosts", i);
    const std::string message = fmt::format(
        "a host of \"{}\" is a name: whose mail counts as coming from it (R7) is what DNS said at "
        "the "
        "last start or reload; write sources = [\"ADDRESS\", ...]",
        hop.name);
    const bool sends_mail = hop.behaves == routing::Behaviour::exchange ||
                            hop.behaves == routing::Behaviour::vk_workspace;
    if (sends_mail) {
      out.warning(path, "sources-by-name", message);
    } else {
      out.info(path, "sources-by-name", message);
    }
  }
}

void check_recipients(const Config& config, Findings& out) {
  const routing::RecipientsConfig& recipients = config.routing.recipients;
  const bool redirects = !recipients.unknown_redirect.empty();
  if (redirects && recipients.validate) {
    out.warning("recipients.unknown_redirect",
                "redirect-never",
                "validate = true refuses unknown recipients before (R8): nothing is ever "
                "redirected; write validate = false, or leave unknown_redirect out");
  }
  const std::vector<Domain>& domains = config.routing.domains;
  const bool some_have_their_own = std::any_of(
      domains.begin(), domains.end(), [](const Domain& d) { return !d.directory.empty(); });
  if (!recipients.directory.empty() || some_have_their_own) return;
  if (redirects) {
    out.warning("recipients.unknown_redirect",
                "no-directory",
                "without a directory every recipient counts as known (R9): nothing is ever "
                "redirected; write directory = \"file:/path\"");
  }
  if (recipients.validate) {
    out.warning("recipients.validate",
                "no-directory",
                "without a directory every recipient counts as known (R9): nobody is ever refused; "
                "write directory = \"file:/path\"");
  }
}

bool covers(std::string_view pattern, std::string_view domain) {
  if (pattern == "*") return true;
  if (!pattern.starts_with("*.")) return pattern == domain;
  return domain.ends_with(pattern.substr(1));
}

void check_routes(const Config& config, Findings& out) {
  const routing::Config& routing = config.routing;
  const auto ask = [&](const std::string& path, const std::string& pattern, const Domain& domain) {
    for (const std::string& alias : domain.aliases) {
      if (pattern != alias || !routing.routing.independent_aliases) continue;
      out.warning(path,
                  "alias-routed",
                  fmt::format("{} is an alias of {}: its recipients are mailboxes of \"{}\" before "
                              "any route is asked (R4); leave it out",
                              alias,
                              domain.name,
                              domain.mailboxes));
    }
    const bool follows = !routing.routing.independent_aliases && !domain.aliases.empty();
    if (!follows || !covers(pattern, domain.name)) return;
    out.warning(
        path,
        "aliases-follow-route",
        fmt::format("with independent_aliases = false {} is replaced by {} first (R4), so "
                    "that this route takes its mail too and none of it reaches \"{}\"; write "
                    "independent_aliases = true",
                    domain.aliases.front(),
                    domain.name,
                    domain.mailboxes));
  };
  for (std::size_t i = 0; i < routing.routes.size(); ++i) {
    for (std::size_t j = 0; j < routing.routes[i].domains.size(); ++j) {
      const std::string path = fmt::format("route[{}].domains[{}]", i, j);
      for (const Domain& domain : routing.domains)
        ask(path, routing.routes[i].domains[j], domain);
    }
  }
}

/// Who is cut over is so for nothing where everybody's mail goes to V (R5, R6).
void check_routes_to_mailboxes(const Config& config, Findings& out) {
  const routing::Config& routing = config.routing;
  const proof::RouteIndex routes(routing);
  for (const Domain& domain : routing.domains) {
    const std::optional<std::size_t> route = routes.find(domain.name);
    if (!route || routing.routes[*route].via != domain.mailboxes) continue;
    const auto concerns = [&domain](const routing::WaveConfig& wave) {
      return wave.domain.empty() || wave.domain == domain.name;
    };
    const bool waved = std::any_of(routing.waves.begin(), routing.waves.end(), concerns);
    if (!waved && domain.cutover_file.empty() && domain.cutover.empty()) continue;
    out.warning(
        fmt::format("route[{}].via", *route),
        "route-to-mailboxes",
        fmt::format("all mail for {0} goes to its mailboxes \"{1}\", whoever is cut over or "
                    "not, so that {2} no effect and users of the old server alone get "
                    "nothing (R5); write via = the old server, or leave out this route and "
                    "the {3} when everybody has moved",
                    domain.name,
                    domain.mailboxes,
                    waved ? "its waves have" : "its cut-over list has",
                    waved ? "waves" : "list"));
  }
}

/// A setting whose stage is left out of routing.stages does nothing.
void check_stages(const Config& config, Findings& out) {
  const routing::Config& routing = config.routing;
  const bool ours = !routing.domains.empty();
  const bool cutover =
      std::any_of(routing.domains.begin(), routing.domains.end(), [](const Domain& d) {
        return !d.cutover_file.empty() || !d.cutover.empty();
      });
  const bool aliases = std::any_of(routing.domains.begin(),
                                   routing.domains.end(),
                                   [](const Domain& d) { return !d.aliases.empty(); });
  const bool dual = std::any_of(routing.domains.begin(),
                                routing.domains.end(),
                                [](const Domain& d) { return !d.dual_delivery.empty(); });
  const routing::GatewaysConfig& gateways = routing.gateways;
  const routing::RecipientsConfig& recipients = routing.recipients;
  struct Need {
    std::string_view stage;
    bool needed;
    std::string_view consequence;
  };
  // clang-format off
  const Need needs[] = {
      {"loop_guard", true, "letters that circle are not stopped (R13)"},
      {"tech_alias", aliases, "aliases have no way of their own (R4)"},
      {"cutover", cutover, "nobody is cut over (R5)"},
      {"dual_delivery", dual, "nobody gets a copy in the other place"},
      {"lists", !routing.lists.empty(), "no [[list]] is asked"},
      {"rewrite", !routing.rewrites.empty(), "no [[rewrite]] is done"},
      {"journal", !routing.journals.empty(), "no [[journal]] gets a copy"},
      {"sender_route", !routing.sender_routes.empty(), "no [[sender_route]] is taken"},
      {"custom_route", !routing.routes.empty(), "no [[route]] is taken (R6)"},
      {"internal_gateway", !gateways.internal.empty(), "gateways.internal is not used (R10)"},
      {"address_validation", recipients.validate, "nobody is refused for being unknown (R8)"},
      {"unknown_recipient", !recipients.unknown_redirect.empty(), "nobody is redirected (R9)"},
      {"mailboxes", ours, "mail for domains of ours does not reach their mailboxes"},
      {"external_gateway", !gateways.external.empty(), "gateways.external is not used (R11)"},
  };
  // clang-format on
  const std::vector<std::string>& stages = routing.routing.stages;
  for (const auto& [stage, needed, consequence] : needs) {
    if (!needed || std::find(stages.begin(), stages.end(), stage) != stages.end()) continue;
    out.warning("routing.stages",
                "stage-left-out",
                fmt::format("the stage \"{}\" is left out: {}; add it", stage, consequence));
  }
}

}  // namespace

void check_ways(const Config& config, Findings& out) {
  check_own_address(config, out);
  check_unused_hops(config, out);
  check_sources(config, out);
  check_recipients(config, out);
  check_routes(config, out);
  check_routes_to_mailboxes(config, out);
  check_stages(config, out);
}

}  // namespace postern::gateway
