// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "queue/routing_view.h"
#include "queue/spool/message.h"
#include "routing/verdict.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace postern::queue {

/// One recipient of a stored message with where it goes.
struct Routed {
  std::uint32_t index = 0;  ///< in the message's envelope
  routing::Decision decision;
};

/// The recipients that go to one target in one transaction (R14).
struct Group {
  routing::Target target;
  std::vector<Routed> recipients;
};

/// What the pipeline is asked about recipient `index`. Views point into the message.
routing::Request request_for(const spool::Message& message, std::size_t index);

/// R13: the facts of the header block as it came. Views point into the message.
routing::MessageFacts facts_of(const spool::Message& message);

/// Asks the pipeline about these recipients, loop guard included: a recipient that circles comes
/// back as a reject.
net::Awaitable<std::vector<Routed>> decide(const RoutingView& view,
                                           spool::MessagePtr message,
                                           std::vector<std::uint32_t> indices);

/// Those that are routed, by target, in the order of their first recipients; the rest stays in
/// `all`.
std::vector<Group> take_groups(std::vector<Routed>& all);

/// What goes in front of the message for this group: its trace fields (R13).
std::string trace_prefix(const RoutingView& view,
                         const spool::Message& message,
                         const Group& group);

}  // namespace postern::queue
