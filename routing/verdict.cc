// SPDX-License-Identifier: Apache-2.0
#include "routing/verdict.h"

#include <algorithm>
#include <array>

namespace postern::routing {

std::string Target::name() const {
  return hops.empty() ? "mx:" + mx_domain : hops.front()->name;
}

std::string_view verdict_name(const Verdict& verdict) {
  // In the order of the alternatives of Verdict::what.
  static constexpr std::array<std::string_view, 8> kNames{
      "pass", "bind", "rewrite", "route", "reject", "defer", "discard", "copy"};
  static_assert(std::variant_size_v<decltype(Verdict::what)> == kNames.size());
  return kNames[verdict.what.index()];
}

bool is_doubled(const Decision& decision) {
  const auto dual = [](const Copy& copy) { return copy.kind == CopyKind::dual; };
  return decision.copy != CopyKind::none ||
         std::any_of(decision.also.begin(), decision.also.end(), dual);
}

Decision decision_of(const Copy& copy) {
  Decision out;
  out.kind = DecisionKind::route;
  out.target = copy.target;
  out.recipient_out = copy.recipient_out;
  out.stage = copy.stage;
  out.trace.push_back(TraceStep{copy.stage, "copy", copy.reason});
  out.copy = copy.kind;
  return out;
}

std::string_view copy_name(CopyKind kind) {
  switch (kind) {
    case CopyKind::dual:
      return "dual";
    case CopyKind::journal:
      return "journal";
    case CopyKind::none:
      break;
  }
  return {};
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
