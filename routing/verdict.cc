// SPDX-License-Identifier: Apache-2.0
#include "routing/verdict.h"

#include <array>

namespace postern::routing {

std::string Target::name() const {
  return hops.empty() ? "mx:" + mx_domain : hops.front()->name;
}

std::string_view verdict_name(const Verdict& verdict) {
  // In the order of the alternatives of Verdict::what.
  static constexpr std::array<std::string_view, 7> kNames{
      "pass", "bind", "rewrite", "route", "reject", "defer", "discard"};
  static_assert(std::variant_size_v<decltype(Verdict::what)> == kNames.size());
  return kNames[verdict.what.index()];
}

std::string_view decision_name(DecisionKind kind) {
  switch (kind) {
    case DecisionKind::route:
      return "route";
    case DecisionKind::reject:
      return "reject";
    case DecisionKind::defer:
      return "defer";
    case DecisionKind::discard:
      return "discard";
  }
  return "reject";
}

}  // namespace postern::routing
