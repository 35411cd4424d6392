// SPDX-License-Identifier: Apache-2.0
// What `postern hops` asks.
#include "gateway/control_commands.h"
#include "gateway/control_report.h"
#include "gateway/hop_report.h"
#include "gateway/worker.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace postern::gateway {

void ControlCommands::hops(const std::string& name) {
  if (!target_.next_hops || !target_.health) return sink_.refuse("nothing is known of next hops");
  HopFacts facts;
  on_workers([&facts](queue::Engine& engine) {
    const std::vector<queue::Engine::LaneStats> lanes = engine.lanes();
    facts.lanes.insert(facts.lanes.end(), lanes.begin(), lanes.end());
    const std::vector<queue::HopPool::HostConnections> hosts = engine.pool().hosts();
    facts.connections.insert(facts.connections.end(), hosts.begin(), hosts.end());
  });
  facts.lanes = merged(std::move(facts.lanes));
  facts.health = target_.health->all();
  facts.now = net::Clock::now();
  facts.wall = spool::wall_now();
  std::size_t told = 0;
  for (const routing::NextHop& hop : target_.next_hops()) {
    if (!name.empty() && hop.name != name) continue;
    sink_.line(hop_report(hop, facts));
    ++told;
  }
  if (told == 0 && !name.empty()) {
    return sink_.refuse(
        fmt::format("there is no next hop \"{}\" in the config that is served", name));
  }
  nlohmann::ordered_json result;
  result["hops"] = told;
  sink_.done(std::move(result));
}

}  // namespace postern::gateway
