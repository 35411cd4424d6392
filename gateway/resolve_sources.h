// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/resolver.h"
#include "gateway/config.h"
#include "gateway/finding.h"

#include <vector>

namespace postern::gateway {

/// R7 for next hops that are given by name and have no `sources`: what their names (and the MX of
/// `mx:` names) resolve to now counts as their address too. The findings are warnings about names
/// that could not be resolved. Called before a snapshot is built, at each start and reload; waits
/// for DNS no longer than the config's limits.
std::vector<Finding> resolve_sources(Config& config);

/// The same with a resolver of the caller's; `context` is the resolver's and is run until done.
std::vector<Finding> resolve_sources(Config& config,
                                     dns::Resolver& resolver,
                                     net::IoContext& context);

}  // namespace postern::gateway
