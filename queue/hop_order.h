// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/next_hop.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace postern::queue {

/// Draws a whole number from 0 to `most`, both included, all equally likely.
using Draw = std::function<std::uint64_t(std::uint64_t most)>;

/// The hosts of a next hop in the order in which one search tries them (RFC 2782, "Usage rules"):
/// those of a lower priority first; among equals the next one is drawn, each as likely as its
/// weight's share of those that are left. A weight of 0 has next to no chance while another is left
/// (one in the sum of the weights and one); several of them are shuffled. Nothing is drawn where
/// priorities alone tell. The pointers are into `hosts`. Pure.
std::vector<const routing::HostSpec*> in_order(std::span<const routing::HostSpec> hosts,
                                               const Draw& draw);

/// How many hosts of a next hop share its mail at a time: those of its largest priority, all of a
/// list without priorities; 1 at least. Pure.
std::size_t hosts_at_a_time(const routing::NextHop& hop);

}  // namespace postern::queue
