// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/engine.h"
#include "queue/hop_health.h"
#include "queue/hop_pool.h"
#include "routing/next_hop.h"

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <vector>

// What the control socket tells of next hops, as JSON. Pure functions.

namespace postern::gateway {

/// What is known at one moment.
struct HopFacts {
  std::map<net::Endpoint, queue::HostState> health;
  /// Of all workers, a host's in several entries.
  std::vector<queue::HopPool::HostConnections> connections;
  std::vector<queue::Engine::LaneStats> lanes;  ///< one a name
  net::TimePoint now;                           ///< the moment, by the clock of health
  spool::WallTime wall;                         ///< the same moment
};

/// One next hop: its lane, and a row for each address of each host. A host that is a name has the
/// addresses that were used within the last day, or a row without an address.
nlohmann::ordered_json hop_report(const routing::NextHop& hop, const HopFacts& facts);

}  // namespace postern::gateway
