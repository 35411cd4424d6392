// SPDX-License-Identifier: Apache-2.0
#include "routing/domain_patterns.h"
#include "routing/stages/builtin.h"

#include <fmt/format.h>

namespace postern::routing::stages {
namespace {

/// R6: routes by domain.
class CustomRoute final : public Stage {
 public:
  explicit CustomRoute(const Config& config) {
    for (const Route& route : config.routes) {
      const NextHop* hop = config.find_next_hop(route.via);
      for (const std::string& pattern : route.domains)
        add(pattern, hop, route.delivery);
    }
  }

  std::string_view name() const override { return "custom_route"; }

  Answer evaluate(const Progress& progress) const override {
    if (progress.bound) {
      return pass("bound to the domain's mailboxes: routes by domain are not consulted"_text);
    }
    const Way* way = ways_.find(progress.recipient.domain());
    if (way == nullptr) return pass("no route for this domain"_text);
    RouteTo route;
    route.target.hops.push_back(way->hop);
    route.delivery = way->delivery;
    return Verdict{std::move(route), Text::literal(way->reason)};
  }

 private:
  struct Way {
    const NextHop* hop = nullptr;
    std::string reason;
    std::optional<Delivery> delivery;
  };

  /// The first route for a pattern counts; `check` names the others.
  void add(std::string_view pattern, const NextHop* hop, std::optional<Delivery> delivery) {
    if (hop == nullptr) return;
    Way way{hop, fmt::format("domain {} has the route via {}", pattern, hop->name), delivery};
    if (pattern == "*")
      way.reason = fmt::format("all domains (*) have the route via {}", hop->name);
    ways_.add(pattern, way);
  }

  DomainPatterns<Way> ways_;
};

}  // namespace

std::unique_ptr<Stage> make_custom_route(const StageSources& sources) {
  return std::make_unique<CustomRoute>(*sources.config);
}

}  // namespace postern::routing::stages
