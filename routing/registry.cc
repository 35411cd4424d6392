// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"

namespace postern::routing {

Registry Registry::builtin() {
  Registry out;
  out.add("loop_guard", stages::make_loop_guard);
  out.add("relay_access", stages::make_relay_access);
  out.add("lists", stages::make_lists);
  out.add("policy", [](const StageSources& sources) { return stages::make_policy(sources); });
  out.add("rewrite", stages::make_rewrite);
  out.add("journal", stages::make_journal);
  out.add("sender_route", stages::make_sender_route);
  out.add("tech_alias", stages::make_tech_alias);
  out.add("cutover", stages::make_wave_cutover);
  out.add("dual_delivery", stages::make_dual_delivery);
  out.add("custom_route", stages::make_custom_route);
  out.add("internal_gateway", stages::make_internal_gateway);
  out.add("address_validation", stages::make_address_validation);
  out.add("unknown_recipient", stages::make_unknown_recipient);
  out.add("mailboxes", stages::make_mailboxes);
  out.add("external_gateway", stages::make_external_gateway);
  out.add("dns_mx", stages::make_dns_mx);
  return out;
}

Registry Registry::of(const Config& config) {
  Registry out = builtin();
  for (std::size_t i = 0; i < config.policies.size(); ++i) {
    out.add(stages::policy_stage_name(config.policies[i]),
            [i](const StageSources& sources) { return stages::make_policy(sources, i); });
  }
  if (config.more_stages) {
    for (const auto& [name, factory] : config.more_stages->factories_)
      out.add(name, factory);
  }
  return out;
}

/// A name that is added again replaces the first: a site may put its own in a built-in one's place.
void Registry::add(std::string name, StageFactory factory) {
  for (auto& [known, make] : factories_) {
    if (known == name) {
      make = std::move(factory);
      return;
    }
  }
  factories_.emplace_back(std::move(name), std::move(factory));
}

std::unique_ptr<Stage> Registry::make(std::string_view name, const StageSources& sources) const {
  for (const auto& [known, factory] : factories_) {
    if (known == name) return factory(sources);
  }
  return nullptr;
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> out;
  for (const auto& [name, factory] : factories_)
    out.push_back(name);
  return out;
}

}  // namespace postern::routing
