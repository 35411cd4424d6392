// SPDX-License-Identifier: Apache-2.0
#include "routing/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace postern::routing {
namespace {

std::vector<std::string> hosts_of(const Target& target) {
  std::vector<std::string> out;
  for (const NextHop* hop : target.hops) {
    for (const HostSpec& host : hop->hosts)
      out.push_back(host.str());
  }
  return out;
}

bool is_refusal(const Decision& decision) {
  return decision.kind == DecisionKind::reject || decision.kind == DecisionKind::defer;
}

std::string sentence(const Decision& decision) {
  if (is_refusal(decision)) {
    return fmt::format("{} with {}", decision_name(decision.kind), decision.reply.line());
  }
  if (decision.kind == DecisionKind::discard) return "take the mail and drop it";
  std::string out = fmt::format("route to {}", decision.target.name());
  const std::vector<std::string> hosts = hosts_of(decision.target);
  if (!hosts.empty()) out += fmt::format(" ({})", fmt::join(hosts, ", "));
  return out + fmt::format(" as <{}>", decision.recipient_out.text());
}

std::string sentence(const Copy& copy) {
  std::string out = fmt::format("{} copy to {}", copy_name(copy.kind), copy.target.name());
  const std::vector<std::string> hosts = hosts_of(copy.target);
  if (!hosts.empty()) out += fmt::format(" ({})", fmt::join(hosts, ", "));
  return out + fmt::format(" as <{}>", copy.recipient_out.text());
}

nlohmann::ordered_json json_of(const Copy& copy) {
  nlohmann::ordered_json out;
  out["kind"] = copy_name(copy.kind);
  out["next_hop"] = copy.target.name();
  out["hosts"] = hosts_of(copy.target);
  out["recipient_out"] = copy.recipient_out.text();
  out["stage"] = copy.stage;
  out["reason"] = copy.reason.view();
  return out;
}

}  // namespace

std::string explain_text(const Request& request, const Decision& decision) {
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "recipient  <{}>\n", request.recipient.text());
  fmt::format_to(out,
                 "sender     <{}>\n",
                 request.sender != nullptr ? request.sender->path.text() : std::string());
  fmt::format_to(out, "client     {}", request.client.to_string());
  if (!request.listener.empty()) fmt::format_to(out, ", listener {}", request.listener);
  if (!request.listener_from.empty()) {
    fmt::format_to(out, ", which counts as {}", request.listener_from);
  }
  if (!request.identity.empty()) fmt::format_to(out, ", authenticated as {}", request.identity);
  text += "\n\n";
  std::size_t width = 0;
  for (const TraceStep& step : decision.trace)
    width = std::max(width, step.stage.size());
  for (const TraceStep& step : decision.trace) {
    fmt::format_to(
        out, "  {:<{}}  {:<8} {}\n", step.stage, width, step.verdict, step.reason.view());
  }
  fmt::format_to(out, "\ndecision   {}\n", sentence(decision));
  for (const Copy& copy : decision.also)
    fmt::format_to(out, "and        {}\n", sentence(copy));
  return text;
}

std::string explain_json(const Request& request, const Decision& decision) {
  const bool routed = decision.kind == DecisionKind::route;
  nlohmann::ordered_json out;
  out["recipient"] = request.recipient.text();
  out["decision"] = decision_name(decision.kind);
  out["next_hop"] = nullptr;
  out["hosts"] = nullptr;
  out["recipient_out"] = nullptr;
  out["reply"] = nullptr;
  if (routed) {
    out["next_hop"] = decision.target.name();
    out["hosts"] = hosts_of(decision.target);
    out["recipient_out"] = decision.recipient_out.text();
  }
  if (is_refusal(decision)) out["reply"] = decision.reply.line();
  out["trace"] = nlohmann::ordered_json::array();
  for (const TraceStep& step : decision.trace) {
    nlohmann::ordered_json line;
    line["stage"] = step.stage;
    line["verdict"] = step.verdict;
    line["reason"] = step.reason.view();
    out["trace"].push_back(std::move(line));
  }
  out["copies"] = nlohmann::ordered_json::array();
  for (const Copy& copy : decision.also)
    out["copies"].push_back(json_of(copy));
  // Addresses are whatever a client sent: octets that are no UTF-8 become U+FFFD.
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace postern::routing
