// SPDX-License-Identifier: Apache-2.0
#include "routing/replies.h"
#include "routing/stages/builtin.h"
#include "routing/way_files.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <unordered_map>

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
      if (domain.dual_delivery.empty()) continue;
      Dual dual;
      dual.legacy = legacy_of(config, domain);
      dual.everybody = domain.dual_delivery == "*";
      if (files != nullptr && !dual.everybody) dual.list = files->list(domain.dual_delivery);
      if (dual.legacy != nullptr) {
        dual.reason = fmt::format("everybody of {} has a mailbox in {} too: a copy goes there",
                                  domain.name,
                                  dual.legacy->name);
      }
      duals_.emplace(&domain, std::move(dual));
    }
  }

  std::string_view name() const override { return "dual_delivery"; }
  bool is_idle() const override { return duals_.empty(); }

  Answer evaluate(const Progress& progress) const override {
    if (progress.domain == nullptr) return pass("not a domain of ours"_text);
    if (progress.bound || progress.under_alias) {
      return pass("bound to the domain's mailboxes already"_text);
    }
    const auto it = duals_.find(progress.domain);
    if (it == duals_.end()) return pass("the domain has no dual delivery"_text);
    const Dual& dual = it->second;
    if (dual.legacy == nullptr) {
      return pass("the domain has no route to another server: there is one place alone"_text);
    }
    if (dual.everybody) return fork(progress, dual, Text::literal(dual.reason));
    const auto table = dual.list != nullptr ? dual.list->table() : nullptr;
    if (!table) {
      return defer(replies::directory_unavailable(),
                   fmt::format("dual_delivery {}",
                               dual.list != nullptr ? dual.list->problem() : "was not loaded"));
    }
    const std::size_t line = table->find(progress.recipient);
    if (line == 0) return pass("not in the domain's dual_delivery list"_text);
    return fork(progress,
                dual,
                fmt::format(FMT_COMPILE("{}, line {}: a copy goes to {}"),
                            dual.list->short_name(),
                            line,
                            dual.legacy->name));
  }

 private:
  struct Dual {
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

  std::unordered_map<const Domain*, Dual> duals_;
};

}  // namespace

std::unique_ptr<Stage> make_dual_delivery(const StageSources& sources) {
  return std::make_unique<DualDelivery>(*sources.config, sources.files);
}

}  // namespace postern::routing::stages
