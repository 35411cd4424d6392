// SPDX-License-Identifier: Apache-2.0
#include "tools/wave_ways.h"

#include "tools/decide.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::tools {
namespace {

constexpr std::size_t kNamed = 10;
/// A stranger: R1 lets him reach domains of ours, and R7 passes nothing over for him (RFC 5737).
constexpr std::string_view kStranger = "192.0.2.1";

}  // namespace

WayOf way_of(const gateway::Snapshot& snapshot, const smtp::Mailbox& user) {
  const smtp::Sender sender;
  routing::Request request;
  request.client = *parse_ip(kStranger);
  for (const gateway::ListenerConfig& listener : snapshot.config().listeners) {
    if (listener.role == routing::Role::mx && request.listener.empty() && listener.from.empty())
      request.listener = listener.name;
  }
  request.sender = &sender;
  request.recipient = user;
  const routing::Decision decision = decide(snapshot.pipeline(), request);
  WayOf out;
  if (decision.kind == routing::DecisionKind::route) {
    out.way = decision.target.name();
  } else {
    out.way = fmt::format("{} {}", decision.reply.code(), decision.reply.status().str());
  }
  out.reason = fmt::format("{}: {}", decision.stage, decision.reason());
  // What the wave has to do with it is said by the stage "cutover", which mostly passes.
  for (const routing::TraceStep& step : decision.trace) {
    if (step.stage == "cutover") out.reason = std::string(step.reason.view());
  }
  return out;
}

WayChanges compare_ways(const gateway::Snapshot& before,
                        const gateway::Snapshot& after,
                        const std::string& name) {
  WayChanges out;
  const routing::Waves::Wave* wave = after.waves().find(name);
  if (wave == nullptr || !wave->file) return out;
  out.users = 0;
  wave->file->each([&](const smtp::Mailbox& member, std::size_t /*line*/) {
    ++*out.users;
    const std::string from = way_of(before, member).way;
    const std::string to = way_of(after, member).way;
    if (from == to) return;
    if (out.first.size() < kNamed) out.first.push_back(member.text());
    const auto known =
        std::find_if(out.changes.begin(), out.changes.end(), [&](const WayChange& change) {
          return change.from == from && change.to == to;
        });
    if (known != out.changes.end()) {
      ++known->users;
    } else {
      out.changes.push_back(WayChange{from, to, 1});
    }
  });
  return out;
}

}  // namespace postern::tools
