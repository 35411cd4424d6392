// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace postern::gateway::proof {
namespace {

using routing::NextHop;

bool contains(const routing::Hops& hops, const NextHop* hop) {
  return std::find(hops.begin(), hops.end(), hop) != hops.end();
}

std::size_t place_of(const World& world, const ListenerConfig& listener) {
  return static_cast<std::size_t>(&listener - world.given().listeners.data());
}

/// `sources` where it is written, else the hosts that stand for it.
std::string sources_path(const World& world, const NextHop& hop) {
  const std::string path = fmt::format("next_hop[{}].", world.place_of(hop));
  const bool written = world.given().positions.contains(path + "sources");
  return path + (written ? "sources" : "hosts");
}

/// R7: a client that is a next hop's host and not known as it.
std::optional<Cure> unrecognised(const World& world, const Visit& visit) {
  if (visit.truly == nullptr || contains(visit.taken_for, visit.truly)) return std::nullopt;
  if (visit.hidden) {
    return Cure{"gateways.intermediate_mx",
                fmt::format("behind {} mail from \"{}\" is not known as its own (R7a); write a "
                            "[[listener]] with from = \"{}\" for its connector, or use PROXY "
                            "protocol",
                            visit.client.to_string(),
                            visit.truly->name,
                            visit.truly->name)};
  }
  if (!visit.listener->from.empty()) {
    return Cure{fmt::format("listener[{}].from", place_of(world, *visit.listener)),
                fmt::format("mail from \"{}\" comes in here too and counts as \"{}\" (R7a); write "
                            "another [[listener]] without from",
                            visit.truly->name,
                            visit.listener->from)};
  }
  return Cure{sources_path(world, *visit.truly),
              fmt::format("{} is a host of \"{}\" and none of its sources, so that its mail is not "
                          "known as its own (R7); add \"{}\" to sources (that does no harm where "
                          "it never sends)",
                          visit.client.to_string(),
                          visit.truly->name,
                          visit.client.to_string())};
}

/// R7: a client that counts as a next hop that it is not.
std::optional<Cure> mistaken(const World& world, const Visit& visit) {
  for (const NextHop* hop : visit.taken_for) {
    if (hop == visit.truly) continue;
    const std::string who = visit.truly != nullptr
                                ? fmt::format("mail from \"{}\"", visit.truly->name)
                                : std::string("anybody's mail");
    if (visit.listener->from == hop->name) {
      return Cure{
          fmt::format("listener[{}].from", place_of(world, *visit.listener)),
          fmt::format("{} comes in at \"{}\" and counts as \"{}\" (R7a); leave from out, and "
                      "write a [[listener]] of its own for \"{}\"",
                      who,
                      visit.listener->name,
                      hop->name,
                      hop->name)};
    }
    return Cure{sources_path(world, *hop),
                fmt::format("{} ({}) counts as \"{}\" (R7); write sources without that address",
                            who,
                            visit.client.to_string(),
                            hop->name)};
  }
  return std::nullopt;
}

std::string domain_path(const World& world, const smtp::Mailbox& recipient, std::string_view key) {
  const routing::Domain* domain = world.domain_of(recipient.domain());
  return domain == nullptr ? std::string("domain")
                           : fmt::format("domain[{}].{}", world.place_of(*domain), key);
}

/// The domain's list, or the first wave that is cut over in it.
std::string cutover_path(const World& world, const smtp::Mailbox& recipient) {
  const routing::Domain* domain = world.domain_of(recipient.domain());
  const std::vector<routing::WaveConfig>& waves = world.routing().waves;
  const bool listed =
      domain == nullptr || !domain->cutover_file.empty() || !domain->cutover.empty();
  for (std::size_t i = 0; i < waves.size() && !listed; ++i) {
    const bool concerns = waves[i].domain.empty() || waves[i].domain == domain->name;
    if (concerns && waves[i].state == routing::WaveState::cutover)
      return fmt::format("wave[{}].state", i);
  }
  return domain_path(world, recipient, "cutover");
}

bool has_stage(const World& world, std::string_view name) {
  const std::vector<std::string>& stages = world.routing().routing.stages;
  return std::find(stages.begin(), stages.end(), name) != stages.end();
}

std::string sender_route_path(const World& world, const routing::Decision& decision) {
  const std::vector<routing::SenderRoute>& routes = world.routing().sender_routes;
  for (std::size_t i = 0; i < routes.size() && !decision.target.hops.empty(); ++i) {
    if (routes[i].via == decision.target.hops.front()->name)
      return fmt::format("sender_route[{}].via", i);
  }
  return "sender_route";
}

/// The setting that a stage's decision comes from.
std::string path_of(const World& world, const Visit& visit) {
  const std::string_view stage = visit.decision.stage;
  if (stage == "custom_route") {
    const std::optional<std::size_t> route = world.routes().find(visit.recipient.domain());
    return route ? fmt::format("route[{}].via", *route) : std::string("route");
  }
  if (stage == "sender_route") return sender_route_path(world, visit.decision);
  if (stage == "unknown_recipient") return "recipients.unknown_redirect";
  if (stage == "address_validation") return "recipients.validate";
  if (stage == "internal_gateway") return "gateways.internal";
  if (stage == "external_gateway") return "gateways.external";
  if (stage == "relay_access") return "relay.allow_without_auth";
  const bool ours = world.domain_of(visit.recipient.domain()) != nullptr;
  if (stage == "split_horizon" && !(ours && has_stage(world, "mailboxes"))) return "routing.stages";
  if (stage == "mailboxes" || stage == "split_horizon")
    return domain_path(world, visit.recipient, "mailboxes");
  if (stage == "cutover") return cutover_path(world, visit.recipient);
  return "routing.stages";
}

/// [[rewrite]] has given the recipient another name.
std::optional<Cure> renamed_at(const World& world, const Visit& visit) {
  const std::vector<routing::TraceStep>& trace = visit.decision.trace;
  const bool is_renamed = std::any_of(trace.begin(), trace.end(), [](const auto& step) {
    return step.stage == "rewrite" && step.verdict == "rewrite";
  });
  const auto renamed = is_renamed ? world.renames().find(visit.recipient) : std::nullopt;
  if (!renamed) return std::nullopt;
  return Cure{renamed->path, cure_of_rename(*renamed)};
}

std::string advice_for(const Visit& visit) {
  const std::string_view stage = visit.decision.stage;
  const auto& hops = visit.decision.target.hops;
  const std::string to =
      hops.empty() ? std::string("it") : fmt::format("\"{}\"", hops.front()->name);
  if (stage == "unknown_recipient") {
    return fmt::format(
        "{} brings the mail of unknown recipients back here; write the old server "
        "that has the other mailboxes, or leave unknown_redirect out (R9)",
        to);
  }
  if (stage == "mailboxes") {
    return fmt::format("{} gives this mail back; write the next hop that has the mailboxes of {}",
                       to,
                       visit.recipient.domain());
  }
  if (stage == "custom_route") {
    return fmt::format(
        "{} gives this mail back; write the next hop that serves {}", to, visit.recipient.domain());
  }
  return fmt::format("{} gives this mail back; write another next hop", to);
}

/// What a stage's refusal asks for.
std::string advice_for_refusal(const Visit& visit) {
  const std::string_view stage = visit.decision.stage;
  if (stage == "address_validation") {
    return "validate = true refuses who is still in the old server alone (R8); write validate = "
           "false and unknown_redirect";
  }
  if (stage == "relay_access") {
    return fmt::format("add \"{}\" to it (R2)", visit.client.to_string());
  }
  if (stage == "unknown_recipient") {
    return "nobody else has it, since the mail comes from there itself; write the old server that "
           "has "
           "the other mailboxes (R9)";
  }
  if (stage == "split_horizon") {
    return "every way leads back where the mail came from (R7); write the next hop that has the "
           "new "
           "mailboxes";
  }
  return fmt::format("the stage {} refuses it; change its setting", stage);
}

/// Of the decisions in a circle the one that is the least a matter of course.
const Visit* most_doubtful(const Leaf& leaf) {
  constexpr std::string_view kOrder[] = {"unknown_recipient",
                                         "sender_route",
                                         "internal_gateway",
                                         "external_gateway",
                                         "mailboxes",
                                         "custom_route"};
  for (const std::string_view stage : kOrder) {
    for (std::size_t i = leaf.cycle; i < leaf.visits.size(); ++i) {
      if (leaf.visits[i]->decision.stage == stage) return leaf.visits[i].get();
    }
  }
  return leaf.visits.empty() ? nullptr : leaf.visits.back().get();
}

/// V has not the mailbox that X has.
Cure cure_of_bounce(const World& world) {
  const routing::RecipientsConfig& rules = world.given().routing.recipients;
  if (rules.unknown_redirect.empty()) {
    return {"recipients.unknown_redirect",
            "write unknown_redirect = the old server, and a directory of the new mailboxes (the "
            "guide's step 1, R9)"};
  }
  if (rules.directory.empty()) {
    return {"recipients.directory",
            "without a directory everybody counts as known (R9); write directory = \"file:/path\""};
  }
  return {"routing.stages",
          "unknown recipients are not looked for before the mailboxes; put \"unknown_recipient\" "
          "before \"mailboxes\" (R9)"};
}

}  // namespace

void Faults::add(Fault fault) {
  auto key = std::make_pair(fault.code, fault.cure.path);
  const auto [it, added] = by_cause_.try_emplace(std::move(key));
  Entry& entry = it->second;
  if (added) {
    entry.first = std::move(fault);
    return;
  }
  ++entry.more;
  if (fault.severity > entry.first.severity) entry.first = std::move(fault);
}

std::vector<Finding> Faults::findings(const Config& config) const {
  std::vector<Finding> out;
  for (const auto& [cause, entry] : by_cause_) {
    const Fault& fault = entry.first;
    std::string text = fault.what;
    if (!fault.arrows.empty()) text += fmt::format(": {}", fault.arrows);
    text += fmt::format("; {}", fault.cure.advice);
    if (entry.more != 0) text += fmt::format(" (and {} more ways like it)", entry.more);
    out.push_back(config.finding(fault.severity, fault.cure.path, fault.code, text));
  }
  return out;
}

std::string cure_of_rename(const Renamed& renamed) {
  return fmt::format("{} makes {} of it; write an address whose mail rests, or leave it out",
                     renamed.by,
                     renamed.to.text());
}

Cure cure_of_loop(const World& world, const Leaf& leaf) {
  for (std::size_t i = leaf.cycle; i < leaf.visits.size(); ++i) {
    if (auto cure = unrecognised(world, *leaf.visits[i])) return *cure;
  }
  for (std::size_t i = leaf.cycle; i < leaf.visits.size(); ++i) {
    if (auto cure = renamed_at(world, *leaf.visits[i])) return *cure;
  }
  const Visit* visit = most_doubtful(leaf);
  if (visit == nullptr) return {"", "servers hand it to each other past this gateway"};
  return {path_of(world, *visit), advice_for(*visit)};
}

Cure cure_of_end(const World& world, const Leaf& leaf, const Person& person) {
  if (leaf.circled) {
    const bool by_passes = world.given().routing.routing.max_own_passes < 2;
    return by_passes ? Cure{"routing.max_own_passes",
                            "a letter from the new platform passes here twice by right (S4); write "
                            "2 (R13)"}
                     : Cure{"routing.max_hops",
                            "so many servers are on the way by right; write 25 (R13)"};
  }
  for (const auto& visit : leaf.visits) {
    if (auto cure = mistaken(world, *visit)) return *cure;
  }
  if (leaf.end == End::lost) {
    return {"listener", "write a [[listener]] with role = \"mx\" for it"};
  }
  if (leaf.visits.empty()) return {"", "no setting of this gateway has a part in it"};
  for (const auto& visit : leaf.visits) {
    if (auto cure = renamed_at(world, *visit)) return *cure;
  }
  const Visit& last = *leaf.visits.back();
  const bool has_it_not = leaf.end == End::bounced || last.decision.stage == "split_horizon";
  if (has_it_not && person.in_x && !person.in_v) return cure_of_bounce(world);
  if (leaf.end == End::refused) {
    std::string path = path_of(world, last);
    if (path == "routing.stages") {
      return {
          std::move(path),
          "no stage left has a way for it; take the stages of docs/config.md in their order, or "
          "leave stages out"};
    }
    return {std::move(path), advice_for_refusal(last)};
  }
  if (leaf.end == End::rests) {
    // It rests, though not everywhere: the first decision has left somebody out.
    const Visit& first = *leaf.visits.front();
    if (world.routes().find(first.recipient.domain()) && first.decision.stage != "custom_route") {
      return {"routing.stages",
              "the route of this domain is not asked; put \"custom_route\" before \"mailboxes\" "
              "(R6)"};
    }
    return {path_of(world, first), "write the next hop that keeps a copy for each mailbox (S2)"};
  }
  return {path_of(world, last), advice_for(last)};
}

}  // namespace postern::gateway::proof
