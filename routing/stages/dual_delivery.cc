// SPDX-License-Identifier: Apache-2.0
#include "routing/joined.h"
#include "routing/replies.h"
#include "routing/stages/builtin.h"
#include "routing/way_files.h"

#include <fmt/format.h>

#include <vector>

namespace postern::routing::stages {
namespace {

/// How well a route's pattern fits a domain, as R6 ranks them; 0: not at all.
std::size_t fit_of(std::string_view pattern, std::string_view domain) {
  if (pattern == "*") return 1;
  if (!pattern.starts_with("*.")) return smtp::iequals(pattern, domain) ? 1000 : 0;
  const std::string_view tail = pattern.substr(1);
  const bool below = domain.size() > tail.size() &&
                     smtp::iequals(domain.substr(domain.size() - tail.size()), tail);
  return below ? pattern.size() : 0;
}

/// X of a domain: where its custom route leads (R6).
const NextHop* legacy_of(const Config& config, const Domain& domain) {
  const NextHop* best = nullptr;
  std::size_t fit = 0;
  for (const Route& route : config.routes) {
    for (const std::string& pattern : route.domains) {
      const std::size_t now = fit_of(pattern, domain.name);
      if (now <= fit) continue;
      fit = now;
      best = config.find_next_hop(route.via);
    }
  }
  return best;
}

/// Users with a mailbox in X and one in V, where forwarding cannot be set in X: the recipient is
/// bound to V, and X gets a copy under the main domain's name. Who is bound already (by the alias,
/// or cut over) has left X, or X has had the mail.
class DualDelivery final : public Stage {
 public:
  DualDelivery(const Config& config, const WayFiles* files) {
    for (const Domain& domain : config.domains) {
      Dual dual;
      dual.is_on = !domain.dual_delivery.empty();
      if (!dual.is_on) {
        duals_.push_back(std::move(dual));
        continue;
      }
      is_idle_ = false;
      dual.legacy = legacy_of(config, domain);
      dual.everybody = domain.dual_delivery == "*";
      if (files != nullptr && !dual.everybody) dual.list = files->list(domain.dual_delivery);
      if (dual.legacy != nullptr) {
        dual.reason = fmt::format("everybody of {} has a mailbox in {} too: a copy goes there",
                                  domain.name,
                                  dual.legacy->name);
      }
      duals_.push_back(std::move(dual));
    }
  }

  std::string_view name() const override { return "dual_delivery"; }
  bool is_idle() const override { return is_idle_; }

  Answer evaluate(const Progress& progress) const override {
    if (progress.domain == nullptr) return pass("not a domain of ours"_text);
    if (progress.bound || progress.under_alias) {
      return pass("bound to the domain's mailboxes already"_text);
    }
    const Dual& dual = duals_[progress.key.domain()];
    if (!dual.is_on) return pass("the domain has no dual delivery"_text);
    if (dual.legacy == nullptr) {
      return pass("the domain has no route to another server: there is one place alone"_text);
    }
    if (dual.everybody) return fork(progress, dual, Text::literal(dual.reason));
    const ReadSection reading;
    const MailboxTable* const table = dual.list != nullptr ? dual.list->table(reading) : nullptr;
    if (table == nullptr) {
      return defer(replies::directory_unavailable(),
                   fmt::format("dual_delivery {}",
                               dual.list != nullptr ? dual.list->problem() : "was not loaded"));
    }
    const std::size_t line = table->find(progress.key, progress.key.domain());
    if (line == 0) return pass("not in the domain's dual_delivery list"_text);
    return fork(progress,
                dual,
                joined({dual.list->short_name(),
                        ", line ",
                        Digits(line),
                        ": a copy goes to ",
                        dual.legacy->name}));
  }

 private:
  struct Dual {
    bool is_on = false;
    const NextHop* legacy = nullptr;  ///< X; null: the domain has no route
    bool everybody = false;
    const WatchedTable* list = nullptr;
    std::string reason;
  };

  static Verdict fork(const Progress& progress, const Dual& dual, Text reason) {
    RouteTo to;
    to.target.hops.push_back(dual.legacy);
    to.recipient_out = under_main_name(progress);
    Fork out;
    out.kind = CopyKind::dual;
    out.to.push_back(std::move(to));
    out.binds = true;
    return {std::move(out), std::move(reason)};
  }

  bool is_idle_ = true;
  std::vector<Dual> duals_;  ///< in the order of the config's domains
};

}  // namespace

std::unique_ptr<Stage> make_dual_delivery(const StageSources& sources) {
  return std::make_unique<DualDelivery>(*sources.config, sources.files);
}

}  // namespace postern::routing::stages
