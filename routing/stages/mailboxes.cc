// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

namespace postern::routing::stages {
namespace {

/// Whatever of ours is left, bound or not, goes to the domain's mailboxes, under the address that
/// V delivers itself (R4a).
class Mailboxes final : public Stage {
 public:
  explicit Mailboxes(const Config& config) {
    for (const Domain& domain : config.domains) {
      Home home;
      home.hop = config.find_next_hop(domain.mailboxes);
      home.reason = fmt::format("the mailboxes of {} are in {}", domain.name, domain.mailboxes);
      homes_.push_back(std::move(home));
    }
  }

  std::string_view name() const override { return "mailboxes"; }

  Answer evaluate(const Progress& progress) const override {
    if (progress.domain == nullptr) return pass("not a domain of ours"_text);
    const Home& home = homes_[progress.key.domain()];
    if (home.hop == nullptr) return pass("the domain has no mailboxes"_text);
    RouteTo route;
    route.target.hops.push_back(home.hop);
    if (auto address = other_address(progress)) route.recipient_out = std::move(*address);
    // R7: U@D from V, back to V as U@T, is right.
    route.pass_over_origin = false;
    return Verdict{std::move(route), Text::literal(home.reason)};
  }

 private:
  struct Home {
    const NextHop* hop = nullptr;
    std::string reason;
  };

  /// nullopt: the recipient as it is.
  static std::optional<smtp::Mailbox> other_address(const Progress& progress) {
    const Domain& domain = *progress.domain;
    if (domain.deliver_as == DeliverAs::main || domain.aliases.empty()) {
      if (!progress.under_alias) return std::nullopt;
      return under_main_name(progress);
    }
    if (progress.under_alias) return std::nullopt;
    return smtp::Mailbox(progress.recipient.local(), domain.aliases.front());
  }

  std::vector<Home> homes_;  ///< in the order of the config's domains
};

}  // namespace

std::unique_ptr<Stage> make_mailboxes(const StageSources& sources) {
  return std::make_unique<Mailboxes>(*sources.config);
}

}  // namespace postern::routing::stages
