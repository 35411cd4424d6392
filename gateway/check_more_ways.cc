// SPDX-License-Identifier: Apache-2.0
#include "gateway/check_parts.h"
#include "routing/domain_index.h"
#include "routing/way_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

namespace postern::gateway {
namespace {

using routing::Domain;

bool covers(std::string_view pattern, std::string_view domain) {
  if (pattern == "*") return true;
  if (!pattern.starts_with("*.")) return pattern == domain;
  return domain.ends_with(pattern.substr(1));
}

void check_dual(const Config& config, Findings& out) {
  for (std::size_t i = 0; i < config.routing.domains.size(); ++i) {
    const Domain& domain = config.routing.domains[i];
    if (domain.dual_delivery.empty()) continue;
    const std::string path = fmt::format("domain[{}].dual_delivery", i);
    bool routed = false;
    for (const routing::Route& route : config.routing.routes) {
      for (const std::string& pattern : route.domains)
        routed = routed || covers(pattern, domain.name);
    }
    if (!routed) {
      out.warning(path,
                  "dual-without-route",
                  fmt::format("{} has no [[route]], which is where the copy would go (R6): nobody "
                              "gets one; write a [[route]] to the old server",
                              domain.name));
    }
    if (domain.dual_delivery == "*" || std::ifstream(domain.dual_delivery)) continue;
    out.warning(path,
                "missing-file",
                fmt::format("{} cannot be read; create it, empty if nobody has two mailboxes, or "
                            "mail for this domain gets 451 4.4.3",
                            domain.dual_delivery));
  }
}

/// Files may not lead in a circle either, each with the config's own rules.
void check_maps(const Config& config, const routing::WayFiles& files, Findings& out) {
  const routing::RecipientsConfig& r = config.routing.recipients;
  for (std::size_t i = 0; i < config.routing.rewrites.size(); ++i) {
    const std::string& file = config.routing.rewrites[i].map;
    if (file.empty()) continue;
    const std::string path = fmt::format("rewrite[{}].map", i);
    const auto map = files.map(file)->table();
    if (!map) {
      out.warning(
          path,
          "missing-file",
          fmt::format("{}; create it, or recipients get 451 4.4.3", files.map(file)->problem()));
      continue;
    }
    if (map->ignored() > 0) {
      out.warning(
          path,
          "ignored-lines",
          fmt::format("{}: {} lines are ignored: {}", file, map->ignored(), map->first_ignored()));
    }
    routing::RewriteMap all(routing::MailboxRules{nullptr, r.case_sensitive, r.delimiter});
    for (const routing::RewriteRule& rule : config.routing.rewrites) {
      if (rule.map.empty()) all.add(rule.from, rule.to);
    }
    for (const auto& [from, to] : map->rules())
      all.add(from, to);
    const std::vector<std::string> circle = all.cycle();
    if (circle.empty()) continue;
    out.error(path,
              "rewrite-loop",
              fmt::format("{} leads in a circle: {}; leave one of these lines out",
                          file,
                          fmt::join(circle, " -> ")));
  }
}

/// Strangers may write to domains of ours alone (R1): a name that is rewritten must be one.
void check_rewrite_domains(const Config& config, Findings& out) {
  const routing::DomainIndex ours(config.routing.domains);
  for (std::size_t i = 0; i < config.routing.rewrites.size(); ++i) {
    const std::string& from = config.routing.rewrites[i].from;
    if (from.empty()) continue;
    const std::string domain = from.substr(from.rfind('@') + 1);
    if (ours.find(domain) != nullptr) continue;
    out.info(fmt::format("rewrite[{}].from", i),
             "rewrite-elsewhere",
             fmt::format("{} is no domain of ours: strangers' mail for it is refused before it "
                         "could be rewritten (R2); write a [[domain]] for it, or an alias",
                         domain));
  }
}

}  // namespace

void check_more_ways(const Config& config, const routing::WayFiles& files, Findings& out) {
  check_dual(config, out);
  check_maps(config, files, out);
  check_rewrite_domains(config, out);
}

}  // namespace postern::gateway
