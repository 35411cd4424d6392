// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/snapshot.h"
#include "routing/waves.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace postern::tools {

/// Where mail for one user goes, as the pipeline of a snapshot decides it for a stranger.
struct WayOf {
  std::string way;     ///< a next hop's name, or the refusal ("550 5.1.1")
  std::string reason;  ///< the stage that decided, and why
};
WayOf way_of(const gateway::Snapshot& snapshot, const smtp::Mailbox& user);

/// Users who go from one way to another.
struct WayChange {
  std::string from;
  std::string to;
  std::size_t users = 0;
};
struct WayChanges {
  std::optional<std::size_t> users;  ///< all members; nullopt: nobody can list them
  std::vector<WayChange> changes;
  std::vector<std::string> first;  ///< ten of the users whose way changes, at most
};
/// Asks both pipelines about every member of the wave `name`.
WayChanges compare_ways(const gateway::Snapshot& before,
                        const gateway::Snapshot& after,
                        const std::string& name);

}  // namespace postern::tools
