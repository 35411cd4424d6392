// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/engine.h"
#include "queue/spool/envelope.h"
#include "queue/spool/spool.h"

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

// What the control socket tells of the queue, as JSON. Pure functions.

namespace postern::gateway {

/// A message with the recipients that are meant: a line of list.
nlohmann::ordered_json summary_of(spool::MessageId id,
                                  const spool::Envelope& envelope,
                                  const std::vector<std::uint32_t>& recipients,
                                  spool::WallTime now);
/// All that is known of it: show.
nlohmann::ordered_json details_of(spool::MessageId id,
                                  const spool::Envelope& envelope,
                                  spool::WallTime now);
nlohmann::ordered_json stats_of(const spool::Stats& stats,
                                const std::vector<queue::Engine::LaneStats>& lanes);

/// The lanes of all workers, those of one name as one, by name.
std::vector<queue::Engine::LaneStats> merged(std::vector<queue::Engine::LaneStats> lanes);

/// "2026-05-04T03:02:01Z".
std::string utc(spool::WallTime time);

}  // namespace postern::gateway
