// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/proof/walk.h"

#include <functional>
#include <string>
#include <vector>

namespace postern::gateway::proof {

/// Where mail may come from.
enum class Origin : std::uint8_t {
  stranger,       ///< E at G
  by_mx,          ///< E at D's MX, which is X
  balancer,       ///< E behind gateways.intermediate_mx
  exchange,       ///< a user of X, or X itself
  workspace,      ///< a user of V, by G
  filter,         ///< a gateway that sends to G
  authenticated,  ///< at a submission listener
  allowed         ///< a client of the allowlist
};

struct Beginning {
  Origin origin = Origin::stranger;
  Start start;
};

/// Every way of beginning, for mail to `domain` (null: to other domains).
std::vector<Beginning> beginnings(const World& world, const routing::Domain* domain);

/// Every wiring that can make a difference, the usual one first.
std::vector<Wiring> wirings(const World& world);

/// Domains elsewhere that letters are sent to: one that no route names, and one of each route.
std::vector<std::string> domains_elsewhere(const World& world);

}  // namespace postern::gateway::proof
