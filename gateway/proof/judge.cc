// SPDX-License-Identifier: Apache-2.0
#include "gateway/proof/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace postern::gateway::proof {
namespace {

using routing::NextHop;

bool came_hidden(const Leaf& leaf) {
  return std::any_of(leaf.visits.begin(), leaf.visits.end(), [](const auto& visit) {
    return visit->hidden && visit->truly != nullptr;
  });
}

/// What a balancer may do to X's mail is a warning: whether it does is not in the config.
void add(const Leaf& leaf, Fault fault, Faults& out) {
  if (came_hidden(leaf)) {
    fault.severity = Severity::warning;
    fault.code = "hidden-origin";
  }
  fault.arrows = leaf.arrows();
  out.add(std::move(fault));
}

bool judge_loops(const World& world,
                 const std::string& about,
                 const std::vector<Leaf>& leaves,
                 Faults& out) {
  const auto loop = std::find_if(
      leaves.begin(), leaves.end(), [](const Leaf& leaf) { return leaf.end == End::loops; });
  if (loop == leaves.end()) return false;
  const routing::RoutingConfig& rules = world.routing().routing;
  const bool guards =
      std::find(rules.stages.begin(), rules.stages.end(), "loop_guard") != rules.stages.end();
  const std::string stop =
      guards ? fmt::format("stopped at pass {} alone (R13)", rules.max_own_passes + 1)
             : std::string("and loop_guard is left out (R13)");
  add(*loop,
      {Severity::error,
       "loop",
       fmt::format("{} circles, {}", about, stop),
       "",
       cure_of_loop(world, *loop)},
      out);
  return true;
}

/// The null sender is not named: whatever is said of it is most often true of everybody.
std::string by_whom(const Writer& writer) {
  return writer.address.is_null() ? std::string() : fmt::format(" from {}", writer.address.text());
}

/// A [[list]] keeps off whom it names, and not everybody: that is what it is for.
bool is_dropped_by_right(const Writer& writer, const std::vector<Leaf>& leaves) {
  return writer.is_unwanted && std::any_of(leaves.begin(), leaves.end(), [](const Leaf& leaf) {
           const bool dropped = leaf.end == End::refused || leaf.end == End::discarded;
           return dropped && !leaf.visits.empty() && leaf.visits.back()->decision.stage == "lists";
         });
}

/// The copy that went wrong; where none did, the one that shows the way taken.
const Leaf* culprit(const std::vector<Leaf>& leaves) {
  const auto wrong = std::find_if(leaves.begin(), leaves.end(), [](const Leaf& leaf) {
    return leaf.end != End::rests && leaf.end != End::waits && leaf.end != End::discarded;
  });
  if (wrong != leaves.end()) return &*wrong;
  return leaves.empty() ? nullptr : &leaves.front();
}

struct Wanted {
  bool x = false;
  bool v = false;
};

/// S1 to S7: where a copy must be.
Wanted wanted(const World& world, const Case& letter) {
  const Person& person = *letter.person;
  const bool at_alias = world.is_alias(*letter.domain, letter.recipient.domain());
  Wanted out;
  // What is there beside a server that does not behave as Exchange is not known: one of them has
  // it.
  const bool may_rest_elsewhere = world.exchange_of(*letter.domain) == nullptr &&
                                  person.cutover != CutoverAnswer::listed &&
                                  world.routes().find(letter.domain->name).has_value();
  out.v = person.in_v && !may_rest_elsewhere;
  // S2: both keep it while the domain's mail goes by X. What came as U@T is V's copy (R4), and a
  // domain that no route gives to X has left it but for those who are nowhere else.
  const bool both = world.coexists(*letter.domain) && !at_alias;
  out.x = person.in_x && (both || !person.in_v);
  return out;
}

std::string copies_fault(const World& world, const Case& letter, const Copies& copies) {
  const std::string x = world.exchange_of(*letter.domain) != nullptr
                            ? world.exchange_of(*letter.domain)->name
                            : std::string("the old server");
  if (copies.x > 1) return fmt::format("leaves {} copies in \"{}\"", copies.x, x);
  if (copies.v > 1)
    return fmt::format("leaves {} copies in \"{}\"", copies.v, letter.domain->mailboxes);
  const Wanted want = wanted(world, letter);
  if (want.x && copies.x == 0) return fmt::format("leaves no copy in \"{}\"", x);
  if (want.v && copies.v == 0)
    return fmt::format("leaves no copy in \"{}\"", letter.domain->mailboxes);
  return {};
}

}  // namespace

Copies copies_of(const World& world,
                 const routing::Domain& domain,
                 const std::vector<Leaf>& leaves) {
  Copies out;
  const NextHop* home = world.routing().find_next_hop(domain.mailboxes);
  for (const Leaf& leaf : leaves) {
    if (leaf.end == End::waits) ++out.waiting;
    if (leaf.end != End::rests || leaf.where == nullptr) continue;
    const bool is_v = leaf.where->behaves == routing::Behaviour::vk_workspace ||
                      (leaf.where == home && home->behaves != routing::Behaviour::exchange);
    ++(is_v ? out.v : out.x);
  }
  return out;
}

bool is_written(const World& world, const Case& letter) {
  const Person& person = *letter.person;
  const bool at_alias = world.is_alias(*letter.domain, letter.recipient.domain());
  switch (letter.beginning->origin) {
    case Origin::by_mx:
      return !at_alias;  // G is T's MX
    case Origin::exchange:
      return !at_alias || person.in_v;
    case Origin::workspace:
      // V delivers at home what it has, and D too where it is told to.
      return !person.in_v || (!at_alias && letter.domain->deliver_as == routing::DeliverAs::alias);
    case Origin::stranger:
    case Origin::balancer:
    case Origin::filter:
    case Origin::authenticated:
    case Origin::allowed:
      break;
  }
  return true;
}

void judge(const World& world, const Case& letter, const std::vector<Leaf>& leaves, Faults& out) {
  const Person& person = *letter.person;
  const std::string about = fmt::format(
      "mail for {} ({}){}", letter.recipient.text(), person.full_name(), by_whom(letter.writer));
  if (judge_loops(world, about, leaves, out) || is_dropped_by_right(letter.writer, leaves)) return;
  const Leaf* bad = culprit(leaves);
  if (bad == nullptr || !person.exists()) return;
  const Copies copies = copies_of(world, *letter.domain, leaves);
  const bool doubled = copies.x > 1 || copies.v > 1;
  if (!doubled && person.doubtful() && copies.waiting != 0) return;
  const bool nowhere = copies.x + copies.v + copies.waiting == 0;
  const std::string what = copies_fault(world, letter, copies);
  if (what.empty() && !nowhere) return;
  // S7 has it redirected; it is a warning, since nobody writes there but by mistake.
  const bool stray = !person.in_v && world.is_alias(*letter.domain, letter.recipient.domain());
  const char* const code = doubled ? "two-copies" : nowhere ? "no-rest" : "no-copy";
  add(*bad,
      {stray ? Severity::warning : Severity::error,
       code,
       nowhere ? fmt::format("{} rests nowhere", about) : fmt::format("{} {}", about, what),
       "",
       cure_of_end(world, *bad, person)},
      out);
}

void judge_renamed(const World& world,
                   const Renamed& renamed,
                   const Person& person,
                   const Writer& writer,
                   const std::vector<Leaf>& leaves,
                   Faults& out) {
  const std::string who =
      person.name.empty() ? std::string() : fmt::format(" ({})", person.full_name());
  const std::string about = fmt::format("mail for {}, which {} makes {}{}{}",
                                        renamed.from.text(),
                                        renamed.by,
                                        renamed.to.text(),
                                        who,
                                        by_whom(writer));
  if (judge_loops(world, about, leaves, out) || is_dropped_by_right(writer, leaves)) return;
  const Leaf* bad = culprit(leaves);
  if (bad == nullptr) return;
  // R2: who may not write there is refused before.
  const bool by_access = bad->end == End::refused && !bad->visits.empty() &&
                         bad->visits.back()->decision.stage == "relay_access";
  if (by_access) return;
  const Cure cure{renamed.path, cure_of_rename(renamed)};
  const routing::Domain* to = world.domain_of(renamed.to.domain());
  if (to == nullptr) {
    const bool stays = std::none_of(leaves.begin(), leaves.end(), [](const Leaf& leaf) {
      return leaf.end == End::rests || leaf.end == End::waits;
    });
    if (stays) add(*bad, {Severity::warning, "no-rest", about + " rests nowhere", "", cure}, out);
    return;
  }
  if (!person.exists()) return;
  const Copies copies = copies_of(world, *to, leaves);
  if (copies.x > 1 || copies.v > 1) {
    add(*bad, {Severity::error, "two-copies", about + " leaves two copies", "", cure}, out);
  } else if (copies.x + copies.v + copies.waiting == 0) {
    // The old name may be one that nobody uses any more.
    add(*bad, {Severity::warning, "no-rest", about + " rests nowhere", "", cure}, out);
  }
}

namespace {

/// The setting that makes `hop` a sender of ours.
std::optional<std::string> sender_path(const World& world, const NextHop& hop) {
  const routing::Config& given = world.given().routing;
  for (std::size_t i = 0; i < given.domains.size(); ++i) {
    if (given.domains[i].mailboxes == hop.name) return fmt::format("domain[{}].mailboxes", i);
  }
  if (hop.behaves != routing::Behaviour::exchange) return std::nullopt;
  for (std::size_t i = 0; i < given.routes.size(); ++i) {
    if (given.routes[i].via == hop.name) return fmt::format("route[{}].via", i);
  }
  return std::nullopt;
}

/// S5: X and V send mail to the world through G.
void judge_refused_hop(const World& world,
                       const NextHop& hop,
                       const Leaf& leaf,
                       std::string_view domain,
                       Faults& out) {
  const std::optional<std::string> path = sender_path(world, hop);
  if (!path || leaf.visits.empty()) return;
  const Visit& visit = *leaf.visits.back();
  if (visit.truly != &hop || !hop.sources.contains(visit.client)) return;
  out.add({
      Severity::warning,
      "hop-not-allowed",
      fmt::format("no address of \"{}\" is in relay.allow_without_auth, so that its mail for {} "
                  "rests nowhere (S5)",
                  hop.name,
                  domain),
      leaf.arrows(),
      {*path, fmt::format("add {} there", visit.client.to_string())}
  });
}

}  // namespace

void judge_elsewhere(const World& world,
                     const Beginning& beginning,
                     const Writer& writer,
                     std::string_view domain,
                     const std::vector<Leaf>& leaves,
                     Faults& out) {
  const std::string about = fmt::format("mail for user@{}{}", domain, by_whom(writer));
  if (judge_loops(world, about, leaves, out) || leaves.empty()) return;
  if (is_dropped_by_right(writer, leaves)) return;
  const Leaf& leaf = leaves.front();
  const bool by_access = leaf.end == End::refused && !leaf.visits.empty() &&
                         leaf.visits.back()->decision.stage == "relay_access";
  switch (beginning.origin) {
    case Origin::stranger:
      // Deferred is not taken either: who asks for time has given no right.
      if (leaf.end == End::refused || leaf.end == End::waits) return;
      out.add({
          Severity::error,
          "open-relay",
          fmt::format("{} is taken from strangers", about),
          leaf.arrows(),
          {"relay.allow_without_auth", "write the addresses of your own servers (R2)"}
      });
      return;
    case Origin::balancer:  // check_balancer() tells it
    case Origin::by_mx:
    case Origin::filter:
      return;
    case Origin::exchange:
    case Origin::workspace:
      if (by_access) return judge_refused_hop(world, *beginning.start.hop, leaf, domain, out);
      break;
    case Origin::authenticated:
    case Origin::allowed:
      break;
  }
  if (leaf.end == End::rests) return;
  const Person nobody;
  out.add({Severity::error,
           "no-rest",
           fmt::format("{} rests nowhere (S5)", about),
           leaf.arrows(),
           cure_of_end(world, leaf, nobody)});
}

}  // namespace postern::gateway::proof
