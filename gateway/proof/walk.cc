// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/walk.h"

#include "routing/loop_tokens.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::gateway::proof {
namespace {

using routing::Behaviour;
using routing::NextHop;
using smtp::Mailbox;

/// A way that is longer has no end: a stage that rewrites can make new addresses for ever.
constexpr std::size_t kLongestWay = 40;

std::string reply_of(const smtp::Reply& reply) {
  return fmt::format("{} {}", reply.code(), reply.status().str());
}

std::string gateway_name(const ListenerConfig& listener) {
  return fmt::format("G({})", listener.name);
}

std::string_view end_name(End end) {
  switch (end) {
    case End::rests:
      return "rests";
    case End::refused:
      return "refused";
    case End::bounced:
      return "bounced";
    case End::waits:
      return "waits";
    case End::discarded:
      return "discarded";
    case End::loops:
      return "a loop";
    case End::lost:
      break;
  }
  return "goes nowhere";
}

}  // namespace

std::string_view deciding_stage(const routing::Decision& decision) {
  if (decision.stage != "mailboxes") return decision.stage;
  for (const routing::TraceStep& step : decision.trace) {
    if (step.verdict == "bind") return step.stage;
  }
  return decision.stage;
}

std::string Leaf::arrows() const {
  std::string out = from;
  for (const Step& step : steps) {
    out += step.by.empty() ? std::string(" -> ") : fmt::format(" -[{}]-> ", step.by);
    out += step.to;
  }
  out += fmt::format(": {}", end_name(end));
  if (!why.empty()) out += fmt::format(" ({})", why);
  return out;
}

std::vector<Leaf> Walker::follow(const Start& start,
                                 const Mailbox& recipient,
                                 smtp::ReversePath sender) {
  leaves_.clear();
  sender_.path = std::move(sender);
  Path path;
  path.at = start.name;
  path.leaf.from = start.name;
  if (start.to_hop != nullptr) {
    if (start.hop != start.to_hop) move(path, start.to_hop->name, "");
    at_hop(std::move(path), *start.to_hop, recipient);
  } else if (start.hop != nullptr) {
    path.received = 1;
    back(std::move(path), *start.hop, recipient);
  } else if (start.listener != nullptr && start.client) {
    at_gateway(std::move(path),
               {start.listener, *start.client, nullptr, start.identity, start.hidden},
               recipient);
  }
  return std::move(leaves_);
}

void Walker::move(Path& path, const std::string& to, std::string_view by) {
  path.leaf.steps.push_back({path.at, to, std::string(by)});
  path.at = to;
}

void Walker::end(Path path, End how, const NextHop* where, std::string why) {
  path.leaf.end = how;
  path.leaf.where = where;
  path.leaf.why = std::move(why);
  leaves_.push_back(std::move(path.leaf));
}

void Walker::at_gateway(Path path, const Client& client, const Mailbox& recipient) {
  move(path, gateway_name(*client.listener), "");
  // With a new token it is another letter: what comes back is known from then on.
  std::string state = fmt::format("{} {} {} {} {} {}",
                                  client.listener->name,
                                  client.address.to_string(),
                                  client.truly != nullptr ? client.truly->name : "",
                                  client.identity,
                                  smtp::ascii_lower(recipient.text()),
                                  path.tokens.size());
  const auto before = std::find(path.seen.begin(), path.seen.end(), state);
  if (before != path.seen.end() || path.seen.size() >= kLongestWay) {
    path.leaf.cycle = static_cast<std::size_t>(before - path.seen.begin());
    if (before == path.seen.end()) path.leaf.cycle = 0;
    return end(std::move(path), End::loops, nullptr, "");
  }
  path.seen.push_back(std::move(state));
  Visit visit;
  visit.listener = client.listener;
  visit.client = client.address;
  visit.truly = client.truly;
  visit.recipient = recipient;
  visit.hidden = client.hidden;
  routing::Request request;
  request.client = client.address;
  request.listener = client.listener->name;
  request.role = client.listener->role;
  request.listener_from = client.listener->from;
  request.identity = client.identity;
  request.sender = &sender_;
  request.recipient = recipient;
  const StubbedPipeline& pipeline = world_.pipeline(person_);
  visit.taken_for = pipeline.pipeline().origins(client.address, client.listener->from);
  visit.decision = pipeline.decide(request);
  take_decision(std::move(path), visit);
}

/// R13 is the stage's, and without it no letter is marked.
bool Walker::guards() const {
  const std::vector<std::string>& stages = world_.routing().routing.stages;
  return std::find(stages.begin(), stages.end(), "loop_guard") != stages.end();
}

/// As trace fields name it; empty: not of ours.
std::string Walker::mailbox_of(const Mailbox& recipient) const {
  const routing::Domain* domain = world_.domain_of(recipient.domain());
  if (domain == nullptr) return {};
  return fmt::format("{}@{}", smtp::ascii_lower(recipient.local()), domain->name);
}

/// R13 as Pipeline::check_message has it, with the fewest fields that the way leaves.
bool Walker::guard_refuses(const Path& path, const Visit& visit) const {
  if (!guards()) return false;
  const routing::RoutingConfig& rules = world_.routing().routing;
  const std::string mailbox = mailbox_of(visit.decision.recipient_out);
  const auto passes = std::count(path.passes.begin(), path.passes.end(), mailbox);
  return path.received > rules.max_hops ||
         (!mailbox.empty() && static_cast<unsigned>(passes) >= rules.max_own_passes);
}

void Walker::take_decision(Path path, const Visit& visit) {
  const auto kept = std::make_shared<const Visit>(visit);
  path.leaf.visits.push_back(kept);
  const routing::Decision& decision = kept->decision;
  switch (decision.kind) {
    case routing::DecisionKind::reject:
      return end(std::move(path),
                 End::refused,
                 nullptr,
                 fmt::format("{}: {}", decision.stage, reply_of(decision.reply)));
    case routing::DecisionKind::defer:
      return end(std::move(path),
                 End::waits,
                 nullptr,
                 fmt::format("{}: {}", decision.stage, reply_of(decision.reply)));
    case routing::DecisionKind::discard:
      return end(std::move(path), End::discarded, nullptr, std::string(decision.stage));
    case routing::DecisionKind::route:
      break;
  }
  const std::string mailbox = mailbox_of(decision.recipient_out);
  const auto token = std::find(path.tokens.begin(), path.tokens.end(), mailbox);
  if (!mailbox.empty() && token != path.tokens.end()) {
    return end(std::move(path), End::discarded, nullptr, "a copy that comes back: its loop token");
  }
  const bool doubled = routing::is_doubled(decision);
  const bool refused = guard_refuses(path, *kept);
  const std::size_t before = leaves_.size();
  Path as_it_came = path;
  for (const routing::Copy& copy : decision.also) {
    // An archive is nobody's mailbox.
    if (copy.kind == routing::CopyKind::journal) continue;
    leave_gateway(path, copy.target, copy.recipient_out, copy.stage, true);
  }
  leave_gateway(
      std::move(path), decision.target, decision.recipient_out, deciding_stage(decision), doubled);
  if (!refused) return;
  // A loop is told as a loop; of what would have rested R13 makes a refusal.
  const bool loops = std::any_of(leaves_.begin() + static_cast<std::ptrdiff_t>(before),
                                 leaves_.end(),
                                 [](const Leaf& leaf) { return leaf.end == End::loops; });
  if (loops) return;
  leaves_.resize(before);
  as_it_came.leaf.circled = true;
  end(std::move(as_it_came), End::refused, nullptr, "loop_guard: 554 5.4.6");
}

void Walker::leave_gateway(Path path,
                           const routing::Target& target,
                           const Mailbox& recipient,
                           std::string_view by,
                           bool doubled) {
  ++path.received;
  if (target.hops.empty()) {
    move(path, "the world", by);
    return end(std::move(path), End::rests, nullptr, "");
  }
  const NextHop& hop = chosen(target);
  if (guards() && routing::is_traced(target)) {
    path.passes.push_back(mailbox_of(recipient));
    const std::string& mailbox = path.passes.back();
    std::vector<std::string>& tokens = path.tokens;
    const bool is_new = std::find(tokens.begin(), tokens.end(), mailbox) == tokens.end();
    if (doubled && is_new) tokens.push_back(mailbox);
  }
  move(path, hop.name, by);
  at_hop(std::move(path), hop, recipient);
}

const NextHop& Walker::chosen(const routing::Target& target) const {
  return wiring_.last_of_list ? *target.hops.back() : *target.hops.front();
}

const Source& Walker::source_of(const NextHop& hop) const {
  const Party* party = world_.party_of(hop);
  return party->sources[party == wiring_.odd ? wiring_.odd_source : 0];
}

void Walker::back(Path path, const NextHop& hop, const Mailbox& recipient) {
  const routing::Domain* domain = world_.domain_of(recipient.domain());
  const bool to_alias = domain != nullptr && world_.is_alias(*domain, recipient.domain());
  const ListenerConfig* listener = world_.entry_of(hop, wiring_.t_by_mx && to_alias);
  if (listener == nullptr) {
    return end(std::move(path), End::lost, nullptr, "no listener takes its mail");
  }
  const Source& source = source_of(hop);
  at_gateway(
      std::move(path), {listener, source.address, &hop, std::string(), source.hidden}, recipient);
}

void Walker::at_hop(Path path, const NextHop& hop, const Mailbox& recipient) {
  ++path.received;
  if (path.leaf.steps.size() > 4 * kLongestWay) {
    return end(std::move(path), End::loops, nullptr, "past G");
  }
  switch (hop.behaves) {
    case Behaviour::exchange:
      return at_exchange(std::move(path), hop, recipient);
    case Behaviour::vk_workspace:
      return at_workspace(std::move(path), hop, recipient);
    case Behaviour::final:
    case Behaviour::relay:
      break;
  }
  if (holds_mailboxes(hop, recipient)) {
    if (person_.in_v && !is_nobody(recipient)) return end(std::move(path), End::rests, &hop, "");
    return end(std::move(path), End::bounced, nullptr, "it has no such mailbox");
  }
  if (hop.behaves == Behaviour::final) return end(std::move(path), End::rests, &hop, "");
  at_relay(std::move(path), hop, recipient);
}

bool Walker::is_nobody(const Mailbox& recipient) const {
  const routing::Domain* domain = world_.domain_of(recipient.domain());
  return domain != nullptr && domain == world_.domain_of(no_mailbox_.domain()) &&
         smtp::iequals(recipient.local(), no_mailbox_.local());
}

/// Is the recipient's domain one whose new mailboxes this server has, under an address that it
/// delivers itself (R4a)?
bool Walker::holds_mailboxes(const NextHop& hop, const Mailbox& recipient) const {
  const routing::Domain* domain = world_.domain_of(recipient.domain());
  if (domain == nullptr) return false;
  const NextHop* home = world_.routing().find_next_hop(domain->mailboxes);
  if (home == nullptr) return false;
  const bool same_platform = home == &hop || (hop.behaves == Behaviour::vk_workspace &&
                                              home->behaves == Behaviour::vk_workspace);
  if (!same_platform) return false;
  return hop.behaves != Behaviour::vk_workspace || domain->deliver_as == routing::DeliverAs::main ||
         world_.is_alias(*domain, recipient.domain());
}

/// Keeps what it has a mailbox for, with a copy to U@T for who has migrated; hands the rest of D
/// back (Internal Relay); sends T to G and everything else to the world.
void Walker::at_exchange(Path path, const NextHop& hop, const Mailbox& recipient) {
  const routing::Domain* domain = world_.domain_of(recipient.domain());
  if (domain == nullptr) {
    move(path, "the world", "");
    return end(std::move(path), End::rests, nullptr, "");
  }
  if (world_.is_alias(*domain, recipient.domain())) return back(std::move(path), hop, recipient);
  if (!person_.in_x || is_nobody(recipient)) return back(std::move(path), hop, recipient);
  if (person_.forwards && !domain->aliases.empty()) {
    back(path, hop, Mailbox(recipient.local(), domain->aliases.front()));
  }
  end(std::move(path), End::rests, &hop, "");
}

/// Delivers T, and D where it is told to (R4a). Everything else goes to G, D perhaps to X.
void Walker::at_workspace(Path path, const NextHop& hop, const Mailbox& recipient) {
  if (holds_mailboxes(hop, recipient)) {
    if (person_.in_v && !is_nobody(recipient)) return end(std::move(path), End::rests, &hop, "");
    return end(std::move(path), End::bounced, nullptr, "it has no such mailbox");
  }
  const routing::Domain* domain = world_.domain_of(recipient.domain());
  if (domain == nullptr && world_.routes().is_named(recipient.domain()) &&
      world_.routes().via(recipient.domain()) == hop.name) {
    return end(std::move(path), End::rests, &hop, "");  // a domain that is V's alone
  }
  const NextHop* x = domain != nullptr ? world_.exchange_of(*domain) : nullptr;
  if (x != nullptr && wiring_.v_sends_d_to_x && !world_.is_alias(*domain, recipient.domain())) {
    move(path, x->name, "");
    return at_hop(std::move(path), *x, recipient);
  }
  back(std::move(path), hop, recipient);
}

/// A gateway: gives mail back to G, or sends it on by MX. D's MX is X, T's is G.
void Walker::at_relay(Path path, const NextHop& hop, const Mailbox& recipient) {
  const routing::Domain* domain = world_.domain_of(recipient.domain());
  const bool returns = wiring_.relays_return && world_.is_gateway(hop);
  if (domain == nullptr) {
    const bool may = world_.routing().allow_without_auth.contains(source_of(hop).address);
    if (returns && may) return back(std::move(path), hop, recipient);
    move(path, "the world", "");
    return end(std::move(path), End::rests, nullptr, "");
  }
  const NextHop* x = world_.exchange_of(*domain);
  const bool by_mx = !returns && !world_.is_alias(*domain, recipient.domain());
  if (by_mx && x != nullptr) {
    move(path, x->name, "");
    return at_hop(std::move(path), *x, recipient);
  }
  back(std::move(path), hop, recipient);
}

}  // namespace postern::gateway::proof
