// SPDX-License-Identifier: Apache-2.0
#include "gateway/hop_report.h"

#include "base/endpoint_text.h"
#include "base/ip.h"
#include "gateway/control_report.h"
#include "queue/hop_order.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

namespace postern::gateway {
namespace {

using Json = nlohmann::ordered_json;
using queue::HostState;

/// An address that a name had is forgotten here when nothing has used it for so long.
constexpr std::chrono::hours kKnownFor{24};

spool::WallTime wall_time(net::TimePoint at, const HopFacts& facts) {
  return facts.wall + std::chrono::duration_cast<spool::WallTime::duration>(at - facts.now);
}

std::int64_t seconds(net::Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

Json event_at(net::TimePoint at, const HopFacts& facts) {
  Json out;
  out["at"] = utc(wall_time(at, facts));
  out["age_seconds"] = seconds(facts.now - at);
  return out;
}

void add_state(Json& row, const HostState* state, const HopFacts& facts) {
  const net::TimePoint never;
  if (state == nullptr) {
    row["state"] = "unknown";
    return;
  }
  const net::TimePoint until = state->avoided_until();
  if (until > facts.now) {
    row["state"] = state->down_until > facts.now ? "down" : "penalised";
    row["until"] = utc(wall_time(until, facts));
    row["until_seconds"] = seconds(until - facts.now);
  } else {
    const bool up = state->answered_at != never && state->answered_at >= state->failed_at;
    row["state"] = up ? "up" : "unknown";
  }
  if (state->answered_at != never) row["last_answer"] = event_at(state->answered_at, facts);
  if (state->failed_at != never) {
    row["last_failure"] = event_at(state->failed_at, facts);
    row["last_failure"]["text"] = state->failure;
  }
  if (!state->probe) return;
  row["last_probe"] = event_at(state->probe->at, facts);
  row["last_probe"]["good"] = state->probe->good;
  if (!state->probe->good) row["last_probe"]["text"] = state->probe->failure;
}

Json row_of(const routing::NextHop& hop,
            const routing::HostSpec& host,
            std::optional<net::Endpoint> address,
            const HopFacts& facts) {
  Json out;
  out["host"] = host.str();
  if (hop.weighted) {
    out["priority"] = host.priority;
    out["weight"] = host.weight;
  }
  std::size_t open = 0;
  std::size_t idle = 0;
  const HostState* state = nullptr;
  if (address) {
    out["address"] = endpoint_text(*address);
    for (const queue::HopPool::HostConnections& one : facts.connections) {
      if (one.host != *address) continue;
      open += one.open;
      idle += one.idle;
    }
    const auto found = facts.health.find(*address);
    if (found != facts.health.end()) state = &found->second;
  }
  add_state(out, state, facts);
  out["in_use"] = open - std::min(open, idle);
  out["idle"] = idle;
  return out;
}

std::vector<net::Endpoint> addresses_of(const routing::NextHop& hop,
                                        const routing::HostSpec& host,
                                        const HopFacts& facts) {
  const std::optional<IpAddress> literal = host.mx ? std::nullopt : parse_ip(host.host);
  if (literal) return {net::Endpoint(*literal, host.port)};
  std::vector<net::Endpoint> out;
  const queue::HostUse use{hop.name, host.str()};
  for (const auto& [endpoint, state] : facts.health) {
    const bool used = std::find(state.uses.begin(), state.uses.end(), use) != state.uses.end();
    if (used && facts.now - state.seen() < kKnownFor) out.push_back(endpoint);
  }
  return out;
}

const char* circuit_of(const queue::Engine::LaneStats& lane) {
  if (lane.broken) return "open";
  return lane.blocked ? "paused" : "closed";
}

}  // namespace

Json hop_report(const routing::NextHop& hop, const HopFacts& facts) {
  const auto named = [&hop](const auto& lane) { return lane.name == hop.name; };
  const auto found = std::find_if(facts.lanes.begin(), facts.lanes.end(), named);
  const queue::Engine::LaneStats lane =
      found != facts.lanes.end() ? *found : queue::Engine::LaneStats{};
  Json out;
  out["name"] = hop.name;
  out["circuit"] = circuit_of(lane);
  if (lane.blocked && lane.blocked_until > facts.wall) {
    out["next_try"] = utc(lane.blocked_until);
    out["next_try_seconds"] = seconds(lane.blocked_until - facts.wall);
  }
  out["waiting"] = lane.waiting;
  out["running"] = lane.running;
  out["window"] = lane.window;
  out["limit"] = queue::hosts_at_a_time(hop) * hop.limits.connections_per_host;
  if (hop.probe.count() > 0) out["probe_seconds"] = hop.probe.count();
  Json rows = Json::array();
  for (const routing::HostSpec& host : hop.hosts) {
    const std::vector<net::Endpoint> addresses = addresses_of(hop, host, facts);
    for (const net::Endpoint& address : addresses)
      rows.push_back(row_of(hop, host, address, facts));
    if (addresses.empty()) rows.push_back(row_of(hop, host, std::nullopt, facts));
  }
  out["hosts"] = std::move(rows);
  return out;
}

}  // namespace postern::gateway
