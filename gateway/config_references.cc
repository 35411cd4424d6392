// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_reader.h"
#include "routing/domain_index.h"

#include <algorithm>
#include <map>

// What can be said only when the whole file is read: names that refer to nothing, names that are
// there twice, and settings that exclude each other.

namespace postern::gateway {
namespace {

/// Names with the place where each was first written; a second one is a finding.
class Names {
 public:
  Names(Reader& reader, std::string code) : reader_(reader), code_(std::move(code)) {}

  void add(const std::string& path, const std::string& name, std::string_view what) {
    if (name.empty()) return;
    const auto [found, added] = paths_.emplace(name, path);
    if (added) return;
    const Finding first = reader_.config.finding(Severity::error, found->second, "", "");
    reader_.error(
        path,
        code_,
        fmt::format("{} \"{}\" is there already (line {}); write another, or leave one out",
                    what,
                    name,
                    first.line));
  }

 private:
  Reader& reader_;
  std::string code_;
  std::map<std::string, std::string> paths_;
};

class References {
 public:
  explicit References(Reader& reader) : reader_(reader), config_(reader.config) {
    for (const routing::NextHop& hop : config_.routing.next_hops)
      hop_names_.push_back(hop.name);
  }

  void next_hop(const std::string& path, const std::string& name) {
    if (name.empty() || config_.routing.find_next_hop(name) != nullptr) return;
    const std::optional<std::string> near = nearest(name, hop_names_);
    std::string advice = "write a [[next_hop]] of that name";
    if (near) {
      advice = fmt::format("write \"{}\"", *near);
    } else if (!hop_names_.empty()) {
      advice = fmt::format("write one of {}", quoted_list(hop_names_));
    }
    reader_.error(
        path, "unknown-next-hop", fmt::format("there is no next hop \"{}\"; {}", name, advice));
  }

  void all() {
    for (std::size_t i = 0; i < config_.listeners.size(); ++i)
      next_hop(fmt::format("listener[{}].from", i), config_.listeners[i].from);
    for (std::size_t i = 0; i < config_.routing.domains.size(); ++i)
      next_hop(fmt::format("domain[{}].mailboxes", i), config_.routing.domains[i].mailboxes);
    for (std::size_t i = 0; i < config_.routing.routes.size(); ++i)
      next_hop(fmt::format("route[{}].via", i), config_.routing.routes[i].via);
    for (std::size_t i = 0; i < config_.routing.sender_routes.size(); ++i)
      next_hop(fmt::format("sender_route[{}].via", i), config_.routing.sender_routes[i].via);
    for (std::size_t i = 0; i < config_.routing.journals.size(); ++i)
      next_hop(fmt::format("journal[{}].via", i), config_.routing.journals[i].via);
    next_hop("recipients.unknown_redirect", config_.routing.recipients.unknown_redirect);
    list("gateways.internal", config_.routing.gateways.internal);
    list("gateways.external", config_.routing.gateways.external);
  }

 private:
  void list(const std::string& path, const std::vector<std::string>& names) {
    Names once(reader_, "duplicate-name");
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string item = fmt::format("{}[{}]", path, i);
      next_hop(item, names[i]);
      once.add(item, names[i], "the next hop");
    }
  }

  Reader& reader_;
  const Config& config_;
  std::vector<std::string> hop_names_;
};

void check_names(Reader& reader) {
  const Config& config = reader.config;
  Names listeners(reader, "duplicate-name");
  Names binds(reader, "duplicate-bind");
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    listeners.add(fmt::format("listener[{}].name", i), listener.name, "a listener");
    const Parsed<Bind> bind = parse_bind(listener.bind);
    if (bind && bind->port != 0) {
      binds.add(fmt::format("listener[{}].bind", i),
                fmt::format("{} port {}", bind->address.to_string(), bind->port),
                "a listener on");
    }
  }
  Names hops(reader, "duplicate-name");
  for (std::size_t i = 0; i < config.routing.next_hops.size(); ++i)
    hops.add(fmt::format("next_hop[{}].name", i), config.routing.next_hops[i].name, "a next hop");
  Names policies(reader, "duplicate-name");
  for (std::size_t i = 0; i < config.routing.policies.size(); ++i)
    policies.add(fmt::format("policy[{}].name", i), config.routing.policies[i].name, "a policy");
}

/// A domain in each of its spellings (company.рф is xn--...): one name may belong to one domain.
void check_domains(Reader& reader) {
  Names names(reader, "duplicate-domain");
  const auto add = [&names](const std::string& path, const std::string& name) {
    const std::vector<std::string> spellings = routing::domain_spellings(name);
    const auto first = std::find_if(spellings.begin(), spellings.end(), [](const std::string& s) {
      return std::all_of(
          s.begin(), s.end(), [](char c) { return static_cast<signed char>(c) > 0; });
    });
    names.add(path, first == spellings.end() ? name : *first, "the domain");
  };
  for (std::size_t i = 0; i < reader.config.routing.domains.size(); ++i) {
    const routing::Domain& domain = reader.config.routing.domains[i];
    add(fmt::format("domain[{}].name", i), domain.name);
    for (std::size_t j = 0; j < domain.aliases.size(); ++j)
      add(fmt::format("domain[{}].aliases[{}]", i, j), domain.aliases[j]);
  }
}

void check_domain_count(Reader& reader) {
  constexpr std::size_t kMost = routing::DomainIndex::kMostDomains;
  if (reader.config.routing.domains.size() <= kMost) return;
  reader.error(
      fmt::format("domain[{}].name", kMost),
      "too-many-domains",
      fmt::format("there are {} [[domain]], and this is the first of those over {}; write "
                  "domains with the same mailboxes as `aliases` of one, or give the rest to "
                  "another gateway",
                  reader.config.routing.domains.size(),
                  kMost));
}

void check_routes(Reader& reader) {
  Names names(reader, "duplicate-route");
  for (std::size_t i = 0; i < reader.config.routing.routes.size(); ++i) {
    const std::vector<std::string>& domains = reader.config.routing.routes[i].domains;
    for (std::size_t j = 0; j < domains.size(); ++j)
      names.add(fmt::format("route[{}].domains[{}]", i, j), domains[j], "a route for");
  }
}

void check_tls_policies(Reader& reader) {
  Names names(reader, "duplicate-tls-policy");
  for (std::size_t i = 0; i < reader.config.routing.tls_policies.size(); ++i) {
    const std::vector<std::string>& domains = reader.config.routing.tls_policies[i].domains;
    for (std::size_t j = 0; j < domains.size(); ++j)
      names.add(fmt::format("tls_policy[{}].domains[{}]", i, j), domains[j], "a policy for");
  }
}

}  // namespace

void resolve_references(Reader& reader) {
  References(reader).all();
  resolve_directories(reader);
  resolve_stages(reader);
  resolve_auth(reader);
  check_names(reader);
  check_domains(reader);
  check_domain_count(reader);
  check_routes(reader);
  check_tls_policies(reader);
  resolve_certificates(reader);
}

}  // namespace postern::gateway
