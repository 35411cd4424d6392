// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"

#include <fmt/format.h>

namespace postern::routing::stages {
namespace {

/// R10: mail that V sends to a domain of ours goes through the gateways for mail within the system.
/// It comes back from there as the gateway's mail, not V's, and goes on (R7a).
class InternalGateway final : public Stage {
 public:
  explicit InternalGateway(const Config& config)
      : gateways_(resolve(config, config.gateways.internal)),
        reason_(fmt::format("mail from V within the system: gateways.internal ({})",
                            names_of(gateways_))) {
    for (const Domain& domain : config.domains) {
      if (const NextHop* hop = config.find_next_hop(domain.mailboxes)) mailboxes_.push_back(hop);
    }
    for (const NextHop& hop : config.next_hops) {
      if (hop.behaves == Behaviour::vk_workspace) mailboxes_.push_back(&hop);
    }
  }

  std::string_view name() const override { return "internal_gateway"; }

  Answer evaluate(const Progress& progress) const override {
    if (gateways_.empty()) return pass("gateways.internal is not set"_text);
    if (progress.domain == nullptr) return pass("not a domain of ours"_text);
    if (progress.bound) return pass("bound to the domain's mailboxes"_text);
    if (!is_from_mailboxes(progress)) return pass("the mail does not come from V"_text);
    RouteTo route;
    route.target.hops = gateways_;
    return Verdict{std::move(route), Text::literal(reason_)};
  }

 private:
  bool is_from_mailboxes(const Progress& progress) const {
    for (const NextHop* hop : mailboxes_) {
      if (progress.is_from(*hop)) return true;
    }
    return false;
  }

  Hops gateways_;
  std::string reason_;
  std::vector<const NextHop*> mailboxes_;  ///< V, under each of its names
};

}  // namespace

std::unique_ptr<Stage> make_internal_gateway(const StageSources& sources) {
  return std::make_unique<InternalGateway>(*sources.config);
}

}  // namespace postern::routing::stages
