// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/resolver.h"
#include "gateway/config.h"
#include "gateway/finding.h"

#include <chrono>
#include <stop_token>
#include <vector>

namespace postern::gateway {

/// How names are asked for.
struct SourceQuery {
  /// For all of them together: they are asked for side by side, and a DNS that is silent must not
  /// hold up a start.
  std::chrono::milliseconds wait{5000};
  /// The config that is in force: a name that does not resolve now keeps the sources that its next
  /// hop had. Null: none is.
  const Config* before = nullptr;
  std::stop_token stop;  ///< ends the wait at once
};

/// R7 for next hops that are given by name and have no `sources`: what their names (and the MX of
/// `mx:` names) resolve to now counts as their address too. The findings are warnings about names
/// that could not be resolved. Called before a snapshot is built, at each start and reload. Blocks:
/// once the gateway serves, not on a thread that serves.
std::vector<Finding> resolve_sources(Config& config, const SourceQuery& query);

/// The same with a resolver of the caller's; `context` is the resolver's and is run until done.
std::vector<Finding> resolve_sources(Config& config,
                                     const SourceQuery& query,
                                     dns::Resolver& resolver,
                                     net::IoContext& context);

}  // namespace postern::gateway
