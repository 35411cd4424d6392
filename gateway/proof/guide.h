// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/finding.h"
#include "gateway/proof/world.h"

#include <vector>

namespace postern::gateway::proof {

/// Steps of the migration guide that the config does not show, and settings that contradict each
/// other without making a letter go wrong that the proof can follow.
std::vector<Finding> guide_findings(const World& world);

}  // namespace postern::gateway::proof
