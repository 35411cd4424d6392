// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/proof/renames.h"
#include "gateway/proof/routes.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace postern::gateway::proof {

/// Whom letters to domains of ours are for.
inline constexpr std::string_view kLocalPart = "user";

/// Places in Config::domains of those that letters are followed to, in their order: the first of
/// each shape. Domains that servers, routes and lists of users treat alike are one, so that
/// thousands cost as much as one. Of domains that `[[rewrite]]` or `[[list]]` alone tell apart, or
/// a plug-in may, a bounded number is followed.
std::vector<std::size_t> domains_to_follow(const Config& config,
                                           const RouteIndex& routes,
                                           const Renames& renames);

}  // namespace postern::gateway::proof
