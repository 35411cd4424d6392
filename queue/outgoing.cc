// SPDX-License-Identifier: Apache-2.0
#include "queue/outgoing.h"

#include "queue/copies.h"

#include <algorithm>
#include <utility>

namespace postern::queue {

routing::Request request_for(const spool::Message& message, std::size_t index) {
  const spool::Origin& origin = message.origin();
  routing::Request request;
  request.client = origin.client;
  request.listener = origin.listener;
  request.role = static_cast<routing::Role>(origin.role);
  request.listener_from = origin.listener_from;
  request.identity = origin.identity;
  request.sender = &message.sender();
  request.recipient = message.asked_about(index);
  request.size = message.octets();
  return request;
}

routing::MessageFacts facts_of(const spool::Message& message) {
  routing::MessageFacts facts;
  facts.received = message.loop().received;
  facts.trace_fields.assign(message.loop().trace_fields.begin(), message.loop().trace_fields.end());
  facts.by_id = message.loop().by_id;
  facts.by_date = message.loop().by_date;
  return facts;
}

net::Awaitable<std::vector<Routed>> decide(const RoutingView& view,
                                           spool::MessagePtr message,
                                           std::vector<std::uint32_t> indices) {
  const RoutingView now = view;
  const routing::MessageFacts facts = facts_of(*message);
  std::vector<Routed> out;
  out.reserve(indices.size());
  for (const std::uint32_t index : indices) {
    const routing::Request request = request_for(*message, index);
    routing::Decision decision = co_await now.pipeline->decide(request);
    if (message->copy(index) != 0) {
      decision = decision_for_copy(*message, index, std::move(decision), now.pipeline->config());
    }
    now.pipeline->judge(request, decision, facts, nullptr);
    out.push_back(Routed{index, std::move(decision)});
  }
  co_return out;
}

std::vector<Group> take_groups(std::vector<Routed>& all) {
  std::vector<Group> groups;
  std::vector<Routed> rest;
  for (Routed& one : all) {
    if (one.decision.kind != routing::DecisionKind::route) {
      rest.push_back(std::move(one));
      continue;
    }
    const auto same = [&one](const Group& g) { return g.target == one.decision.target; };
    auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) {
      groups.push_back(Group{one.decision.target, {}});
      group = groups.end() - 1;
    }
    group->recipients.push_back(std::move(one));
  }
  all = std::move(rest);
  return groups;
}

std::string trace_prefix(const RoutingView& view,
                         const spool::Message& message,
                         const Group& group) {
  std::vector<const routing::Decision*> decisions;
  decisions.reserve(group.recipients.size());
  for (const Routed& r : group.recipients)
    decisions.push_back(&r.decision);
  return view.pipeline->trace_fields(decisions, facts_of(message));
}

}  // namespace postern::queue
