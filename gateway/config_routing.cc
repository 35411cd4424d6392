// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"
#include "routing/trace.h"

#include <algorithm>

// [relay] [[next_hop]] [[domain]] [[route]] [recipients] [gateways] [routing].

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLeastKey = 16;  ///< octets of a trace key

void read_next_hop(Reader& reader, Section& section) {
  routing::NextHop hop;
  section.read("name", hop.name, Need::required);
  read_hosts(reader, section, hop);
  section.read<routing::Behaviour>("behaves",
                                   hop.behaves,
                                   {
                                       {"exchange",     routing::Behaviour::exchange    },
                                       {"vk_workspace", routing::Behaviour::vk_workspace},
                                       {"relay",        routing::Behaviour::relay       },
                                       {"final",        routing::Behaviour::final       }
  });
  hop.limits = routing::NextHopLimits::for_behaviour(hop.behaves);
  hop.chunking = hop.behaves != routing::Behaviour::exchange;
  hop.sources = routing::default_sources(hop.hosts);
  const bool own_sources = section.has("sources");
  section.read("sources", hop.sources);
  section.read("chunking", hop.chunking);
  read_next_hop_tls(reader, section, hop);
  read_next_hop_login(reader, section, hop);
  section.read<unsigned>("max_connections", hop.limits.connections_per_host, 1, 10'000);
  section.read<unsigned>("max_recipients", hop.limits.recipients_per_transaction, 1, 100'000);
  section.read<unsigned>("max_messages", hop.limits.messages_per_connection, 1, 1'000'000);
  section.read<unsigned>("messages_per_minute", hop.limits.messages_per_minute, 0, 10'000'000);
  section.read("connection_lifetime", hop.limits.connection_lifetime, 1s, 24h);
  section.read("idle_timeout", hop.limits.idle, 0s, 1h);
  section.read("retry_first", hop.limits.retry_first, 1s, 24h);
  section.read("retry_max", hop.limits.retry_max, 1s, 24h);
  read_probe(section, hop);
  const auto is_name = [](const routing::HostSpec& host) {
    return host.mx || !parse_ip(host.host);
  };
  if (!own_sources && std::any_of(hop.hosts.begin(), hop.hosts.end(), is_name)) {
    reader.config.unresolved_sources.push_back(hop.name);
  }
  reader.config.routing.next_hops.push_back(std::move(hop));
}

void read_domain(Reader& reader, Section& section) {
  routing::Domain domain;
  section.read("name", domain.name, Need::required);
  if (!domain.name.empty()) {
    const Parsed<std::string> name = parse_domain(domain.name);
    if (name) domain.name = *name;
    if (!name) section.fail("name", "bad-domain", name.error().text);
  }
  section.each("aliases", [&reader, &domain](const std::string& path, const std::string& text) {
    const Parsed<std::string> alias = parse_domain(text);
    if (!alias) return reader.error(path, "bad-domain", alias.error().text);
    domain.aliases.push_back(*alias);
  });
  section.read("mailboxes", domain.mailboxes, Need::required);
  read_cutover(section, domain);
  read_setting(section, "directory", domain.directory);
  read_dual_delivery(section, domain);
  domain.deliver_as = domain.aliases.empty() ? routing::DeliverAs::main : routing::DeliverAs::alias;
  section.read<routing::DeliverAs>(
      "deliver_as",
      domain.deliver_as,
      {
          {"alias", routing::DeliverAs::alias},
          {"main",  routing::DeliverAs::main }
  });
  if (domain.deliver_as == routing::DeliverAs::alias && domain.aliases.empty()) {
    section.fail(
        "deliver_as",
        "no-alias",
        fmt::format(
            "the domain has no alias; write aliases = [\"tech.{}\"] or deliver_as = \"main\" (R4a)",
            domain.name));
  }
  reader.config.routing.domains.push_back(std::move(domain));
}

void read_route(Reader& reader, Section& section) {
  routing::Route route;
  section.each(
      "domains",
      [&reader, &route](const std::string& path, const std::string& text) {
        const Parsed<std::string> domain = parse_route_domain(text);
        if (!domain) return reader.error(path, "bad-domain", domain.error().text);
        route.domains.push_back(*domain);
      },
      Need::required);
  section.read("via", route.via, Need::required);
  Delivery delivery = Delivery::automatic;
  read_delivery(section, delivery);
  if (section.has("delivery")) route.delivery = delivery;
  reader.config.routing.routes.push_back(std::move(route));
}

void read_recipients(Reader& reader, Section& section) {
  routing::RecipientsConfig& out = reader.config.routing.recipients;
  section.read("validate", out.validate);
  section.read("unknown_redirect", out.unknown_redirect);
  read_setting(section, "directory", out.directory);
  section.read("case_sensitive", out.case_sensitive);
  section.read("delimiter", out.delimiter);
  if (out.delimiter.find_first_not_of("!#$%&'*+-/=?^_`{|}~.") != std::string::npos) {
    section.fail(
        "delimiter",
        "bad-value",
        fmt::format("\"{}\" cannot begin a tag; write \"+\", or \"\" for no tags", out.delimiter));
  }
}

void read_hop_names(Section& section, std::string_view key, std::vector<std::string>& out) {
  section.each(
      key, [&out](const std::string& /*path*/, const std::string& text) { out.push_back(text); });
}

void read_trace_key(Reader& reader, Section& section) {
  std::string& key = reader.config.routing.routing.trace_key;
  section.read("trace_key", key);
  if (const std::optional<std::string> path = file_of(key)) {
    reader.config.trace_key_file = *path;
    key.clear();
  } else if (section.has("trace_key") && key.size() < kLeastKey) {
    section.fail("trace_key",
                 "bad-value",
                 fmt::format("a key needs {} octets at least; write a longer one, \"file:/path\", "
                             "or leave it out and "
                             "postern makes one",
                             kLeastKey));
  }
}

void read_stages(Reader& reader, Section& section) {
  std::vector<std::string>& out = reader.config.routing.routing.stages;
  if (!section.has("stages")) out = routing::default_stages();
  section.each("stages", [&out](const std::string& /*path*/, const std::string& text) {
    out.push_back(text);
  });
}

void read_routing_section(Reader& reader, Section& section) {
  routing::RoutingConfig& out = reader.config.routing.routing;
  section.read("independent_aliases", out.independent_aliases);
  section.read<unsigned>("max_hops", out.max_hops, 2, 1000);
  // A pass beyond what is counted would never be seen.
  section.read<unsigned>("max_own_passes", out.max_own_passes, 1, routing::kMaxTracePass);
  read_trace_key(reader, section);
  read_stages(reader, section);
}

}  // namespace

void read_routing(Reader& reader, Section& top) {
  read_section(reader, top, "relay", [](Reader& r, Section& section) {
    section.read("allow_without_auth", r.config.routing.allow_without_auth);
    read_client_certificates(r, section);
  });
  top.each_table("next_hop", [&reader](Section& section) { read_next_hop(reader, section); });
  top.each_table("domain", [&reader](Section& section) { read_domain(reader, section); });
  top.each_table("route", [&reader](Section& section) { read_route(reader, section); });
  read_section(reader, top, "recipients", read_recipients);
  read_section(reader, top, "gateways", [](Reader& r, Section& section) {
    routing::GatewaysConfig& out = r.config.routing.gateways;
    section.read("intermediate_mx", out.intermediate_mx);
    read_hop_names(section, "internal", out.internal);
    read_hop_names(section, "external", out.external);
  });
  read_section(reader, top, "routing", read_routing_section);
}

}  // namespace postern::gateway
