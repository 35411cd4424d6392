// SPDX-License-Identifier: Apache-2.0
#include "queue/copies.h"

#include <algorithm>
#include <string>
#include <utility>

namespace postern::queue {
namespace {

using routing::CopyKind;
using routing::Decision;
using routing::DecisionKind;

/// What the trace calls what is said here.
constexpr std::string_view kCopy = "copy";

Decision dropped(CopyKind kind, Text why) {
  Decision out;
  out.kind = DecisionKind::discard;
  out.copy = kind;
  out.stage = kCopy;
  out.trace.push_back(routing::TraceStep{kCopy, "discard", std::move(why)});
  return out;
}

Decision on_its_way(CopyKind kind, const smtp::Mailbox& to, const routing::NextHop& hop, Text why) {
  Decision out;
  out.kind = DecisionKind::route;
  out.copy = kind;
  out.target.hops.push_back(&hop);
  out.recipient_out = to;
  out.stage = kCopy;
  out.trace.push_back(routing::TraceStep{kCopy, "route", std::move(why)});
  return out;
}

}  // namespace

Decision decision_for_copy(const spool::Message& message,
                           std::size_t index,
                           Decision decision,
                           const routing::Config& config) {
  const auto kind = static_cast<CopyKind>(message.copy(index));
  const smtp::Mailbox& to = message.address(index).address;
  // One dual copy a recipient; of journals there may be several.
  const auto same = [&](const routing::Copy& copy) {
    return copy.kind == kind && (kind == CopyKind::dual || copy.recipient_out == to);
  };
  const auto found = std::find_if(decision.also.begin(), decision.also.end(), same);
  if (found != decision.also.end()) return routing::decision_of(*found);
  if (decision.kind == DecisionKind::defer) return decision;
  const std::string lane = message.recipient(index).lane;
  const routing::NextHop* hop = config.find_next_hop(lane);
  if (hop == nullptr) {
    return dropped(kind, "no stage asks for this copy any more, and its next hop is gone"_text);
  }
  const bool routed = decision.kind == DecisionKind::route;
  if (kind == CopyKind::dual && routed && decision.target.name() != lane) {
    return dropped(kind, "the recipient has one mailbox now, and it is in the other place"_text);
  }
  return on_its_way(
      kind, to, *hop, "no stage asks for this copy any more: it goes where it was going"_text);
}

}  // namespace postern::queue
