// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"

#include <cstdint>
#include <optional>
#include <string>

namespace postern::gateway::proof {

/// For Mermaid (what GitHub and many wikis draw), or for Graphviz.
enum class GraphFormat : std::uint8_t { mermaid, dot };

/// The flow of mail as the proof follows it in the usual wiring: a picture for each class of
/// recipients of one domain of each shape, and one for other domains. Nodes are who has the letter,
/// G by listener; arrows bear the stage that sent it; where it rests is drawn as a store. nullopt:
/// the stages cannot be built, which prove() tells.
std::optional<std::string> graph(const Config& config, GraphFormat format);

}  // namespace postern::gateway::proof
