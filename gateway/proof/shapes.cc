// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/shapes.h"

#include "gateway/proof/stubs.h"
#include "routing/address_patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace postern::gateway::proof {
namespace {

using routing::AddressPatterns;
using routing::Domain;

/// Domains that are followed for what [[rewrite]], [[list]] or a plug-in makes of them alone.
constexpr std::size_t kMostOfOneShape = 48;

/// What servers and routes make of a domain.
std::string shape_of(const Domain& domain, const Config& config, const RouteIndex& routes) {
  std::string shape = fmt::format("{}|{}|{}|{}|{}|{}|",
                                  domain.mailboxes,
                                  domain.deliver_as == routing::DeliverAs::alias,
                                  has_cutover(config.routing, domain),
                                  domain.directory.empty(),
                                  domain.dual_delivery.empty(),
                                  routes.via(domain.name));
  for (const std::string& alias : domain.aliases)
    shape += fmt::format("{}|", routes.via(alias));
  return shape;
}

/// What the rules that name recipients make of mail for a domain. A [[journal]] does not matter:
/// its copies are not followed.
class RecipientRules {
 public:
  RecipientRules(const Config& config, const Renames& renames)
      : by_name_(config.routing.more_stages != nullptr || !config.plugins.empty()),
        renames_(renames) {
    const routing::RecipientsConfig& r = config.routing.recipients;
    for (const routing::ListRule& rule : config.routing.lists) {
      if (rule.recipients.empty()) continue;
      lists_.emplace_back(rule.recipients, r.case_sensitive, r.delimiter);
    }
  }

  std::string of(const Domain& domain) const {
    // What a plug-in looks at is not known: no domain is as another.
    if (by_name_) return domain.name;
    std::string out = of_name(domain.name);
    for (const std::string& alias : domain.aliases)
      out += of_name(alias);
    return out;
  }

 private:
  std::string of_name(std::string_view name) const {
    const smtp::Mailbox user(kLocalPart, name);
    std::string out;
    if (const auto found = renames_.find(user)) out += found->to.text();
    out += '|';
    for (const AddressPatterns& list : lists_)
      out += list.match(user) ? '1' : '0';
    return out += '|';
  }

  bool by_name_;
  const Renames& renames_;
  std::vector<AddressPatterns> lists_;
};

}  // namespace

std::vector<std::size_t> domains_to_follow(const Config& config,
                                           const RouteIndex& routes,
                                           const Renames& renames) {
  const std::vector<Domain>& domains = config.routing.domains;
  const RecipientRules rules(config, renames);
  std::vector<std::size_t> out;
  std::vector<std::pair<std::size_t, std::string>> others;
  std::set<std::string> shapes;
  std::set<std::string> finer;
  for (std::size_t i = 0; i < domains.size(); ++i) {
    std::string shape = shape_of(domains[i], config, routes);
    const std::string fine = shape + rules.of(domains[i]);
    if (shapes.insert(std::move(shape)).second) {
      out.push_back(i);
      finer.insert(fine);
    } else {
      others.emplace_back(i, fine);
    }
  }
  std::size_t more = 0;
  for (auto& [place, fine] : others) {
    if (more == kMostOfOneShape) break;
    if (!finer.insert(std::move(fine)).second) continue;
    out.push_back(place);
    ++more;
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace postern::gateway::proof
