// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/scenario.h"

#include "mailtools/verify/circle.h"

#include <fmt/format.h>

#include <utility>

namespace postern::verify {
namespace {

/// Puts the scenarios together, with what the test's file gives.
class Scenarios {
 public:
  Scenarios(const Plan& plan, const gateway::Config& config) : plan_(plan), config_(config) {
    outside_ = plan.address(Role::outside);
    if (outside_.empty()) outside_ = "postern-verify@" + plan.helo;
    user_ = plan.address(Role::sender);
    if (user_.empty()) user_ = plan.address(Role::cut_over);
    if (user_.empty()) user_ = plan.address(Role::migrated);
  }

  std::vector<Scenario> take() {
    add_from_outside();
    add_from_platform();
    add_at_gateway();
    add_circles();
    return std::move(out_);
  }

 private:
  Scenario& add(std::string name, std::string title, Door door, Role to) {
    Scenario one;
    one.name = std::move(name);
    one.title = std::move(title);
    one.door = door;
    one.from = door == Door::platform ? user_ : outside_;
    one.to = plan_.address(to);
    if (one.to.empty()) {
      skip(one,
           to == Role::outside ? std::string("[outside] address")
                               : fmt::format("[user.{}] address", key_of(to)));
    }
    if (door == Door::platform && !plan_.submission) skip(one, "new_platform.submission");
    if (door == Door::platform && user_.empty()) skip(one, "[user.sender] address");
    out_.push_back(std::move(one));
    return out_.back();
  }

  static void skip(Scenario& one, const std::string& key) {
    if (one.skipped.empty()) one.skipped = fmt::format("the test's file has no {}", key);
  }

  static std::string_view key_of(Role role) {
    switch (role) {
      case Role::unmigrated:
        return "unmigrated";
      case Role::migrated:
        return "migrated";
      case Role::cut_over:
        return "cut_over";
      case Role::sender:
        return "sender";
      case Role::outside:
        break;
    }
    return "outside";
  }

  /// A copy that must be there: without access to the mailbox the scenario says nothing.
  void want(Scenario& one, Role role, Side side) {
    const auto found = plan_.find(role, side);
    if (found) {
      one.wanted.push_back({*found, 1});
    } else if (role == Role::outside) {
      skip(one, "IMAP login of [outside] (imap, user, password_file)");
    } else {
      skip(one,
           fmt::format("login of [user.{}] at {} (key \"{}\")",
                       key_of(role),
                       side == Side::old_server ? "Exchange" : "VK WorkSpace",
                       side == Side::old_server ? "old" : "new"));
    }
  }

  /// A copy that must not be there, where that can be seen.
  void want_none(Scenario& one, Role role, Side side) {
    if (const auto found = plan_.find(role, side)) one.wanted.push_back({*found, 0});
  }

  /// Where the letter comes when it is taken though it had to be refused.
  void may_come(Scenario& one, Role role, Side side) {
    if (const auto found = plan_.find(role, side)) one.astray.push_back(*found);
  }

  void add_from_outside() {
    Scenario& s1 =
        add("S1", "E -> U@D, not migrated: stays in X", Door::old_server, Role::unmigrated);
    want(s1, Role::unmigrated, Side::old_server);
    want_none(s1, Role::unmigrated, Side::new_platform);
    s1.trouble = "x-mailbox";
    Scenario& s2 =
        add("S2", "E -> U@D, migrated: kept in X, a copy in V", Door::old_server, Role::migrated);
    want(s2, Role::migrated, Side::old_server);
    want(s2, Role::migrated, Side::new_platform);
    s2.trouble = "x-mailbox";
    s2.trouble_after_old = "x-forwarding";
    Scenario& s6 = add("S6",
                       "X -> U@D that X does not have (Internal Relay, Mail User): to V alone",
                       Door::old_server,
                       Role::cut_over);
    want(s6, Role::cut_over, Side::new_platform);
    want_none(s6, Role::cut_over, Side::old_server);
    s6.trouble = "x-internal-relay";
  }

  void add_from_platform() {
    Scenario& s3 =
        add("S3", "a user of V -> U@D, not migrated: kept in X", Door::platform, Role::unmigrated);
    want(s3, Role::unmigrated, Side::old_server);
    want_none(s3, Role::unmigrated, Side::new_platform);
    s3.trouble = "v-route";
    Scenario& s4 = add("S4",
                       "a user of V -> U@D, migrated: one copy in X, one in V, no loop",
                       Door::platform,
                       Role::migrated);
    want(s4, Role::migrated, Side::old_server);
    want(s4, Role::migrated, Side::new_platform);
    s4.trouble = "v-route";
    s4.trouble_after_old = "x-forwarding";
    Scenario& s5 = add("S5", "a user of V -> E", Door::platform, Role::outside);
    s5.trouble = "v-outside";
    if (const auto box = plan_.find(Role::outside, Side::outside)) {
      s5.wanted.push_back({*box, 1});
    } else {
      s5.blind = "it was taken; [outside] has no IMAP login, so that nobody sees it arrive";
    }
    add_unknown();
  }

  void add_unknown() {
    Scenario& s7 = add("S7b",
                       "a user of V -> U@D that nobody has: a report comes back",
                       Door::platform,
                       Role::sender);
    s7.to = unknown_address();
    if (plan_.submission && !user_.empty()) s7.skipped.clear();
    s7.trouble = "bounce-missing";
    for (std::size_t i = 0; i < plan_.mailboxes.size() && !s7.bounce_at; ++i) {
      const Mailbox& box = plan_.mailboxes[i];
      if (box.side == Side::new_platform && box.address == user_) s7.bounce_at = i;
    }
    if (!s7.bounce_at) skip(s7, "login of [user.sender] at VK WorkSpace (key \"new\")");
  }

  void add_at_gateway() {
    Scenario& r4 =
        add("R4", "E -> U@T by the gateway: to V, not to X", Door::gateway, Role::migrated);
    at_alias(r4);
    want(r4, Role::migrated, Side::new_platform);
    want_none(r4, Role::migrated, Side::old_server);
    r4.trouble = "g-alias";
    Scenario& r5 =
        add("R5", "E -> U@D, cut over, by the gateway: to V", Door::gateway, Role::cut_over);
    want(r5, Role::cut_over, Side::new_platform);
    want_none(r5, Role::cut_over, Side::old_server);
    r5.trouble = "g-cutover";
    Scenario& s7 =
        add("S7", "E -> U@T unknown in V: redirected to X as U@D", Door::gateway, Role::unmigrated);
    at_alias(s7);
    want(s7, Role::unmigrated, Side::old_server);
    want_none(s7, Role::unmigrated, Side::new_platform);
    s7.trouble = "g-unknown-redirect";
    const routing::RecipientsConfig& recipients = config_.routing.recipients;
    if (recipients.unknown_redirect.empty() || recipients.directory.empty()) {
      s7.skipped = "the gateway's config has no recipients.unknown_redirect with a directory (R9)";
    } else if (recipients.validate) {
      s7.skipped = "the gateway's config has recipients.validate: unknown users are refused (R8)";
    }
    Scenario& s8 = add("S8", "a stranger -> E: 550 5.7.1", Door::stranger, Role::outside);
    if (s8.to.empty()) s8.to = "postern-verify@example.com";
    s8.from = "postern-verify@" + plan_.helo;
    s8.skipped.clear();
    s8.refused = Refusal::relaying;
    may_come(s8, Role::outside, Side::outside);
    s8.trouble = "g-open-relay";
  }

  /// S9 at run time. What neither server has is what they would send to each other for ever; and
  /// letters that look as if they had circled already must end at the gateway.
  void add_circles() {
    Scenario& unknown = add("S9-unknown",
                            "E -> U@D that nobody has: a report comes back, and no circle",
                            Door::old_server,
                            Role::outside);
    unknown.to = unknown_address();
    unknown.trouble = "bounce-missing";
    unknown.bounce_at = plan_.find(Role::outside, Side::outside);
    if (!unknown.bounce_at) skip(unknown, "IMAP login of [outside] (imap, user, password_file)");
    Scenario& passes = add_circled(
        "S9-passes", "a letter that has passed the gateway as often as it may: 554 5.4.6");
    if (passes.skipped.empty()) {
      CircleTrace trace = trace_of_circle(config_, passes.to);
      passes.fields = std::move(trace.field);
      passes.skipped = std::move(trace.skipped);
    }
    Scenario& hops = add_circled("S9-hops", "a letter that has passed too many servers: 554 5.4.6");
    hops.fields = received_of_circle(config_.routing.routing.max_hops + 1);
  }

  Scenario& add_circled(std::string name, std::string title) {
    Scenario& one = add(std::move(name), std::move(title), Door::gateway, Role::migrated);
    at_alias(one);
    one.refused = Refusal::circling;
    may_come(one, Role::migrated, Side::new_platform);
    may_come(one, Role::migrated, Side::old_server);
    one.trouble = "g-loop-guard";
    if (one.skipped.empty() && !guards_loops(config_))
      one.skipped = "routing.stages in the gateway's config has no loop_guard (R13)";
    return one;
  }

  std::string unknown_address() const {
    return plan_.unknown.empty() ? "postern-verify-nobody@" + plan_.domain : plan_.unknown;
  }

  /// U@D becomes U@T.
  void at_alias(Scenario& one) {
    if (plan_.alias.empty()) one.skipped = "the domain has no alias in the gateway's config";
    if (!one.to.empty()) one.to = one.to.substr(0, one.to.rfind('@') + 1) + plan_.alias;
  }

  const Plan& plan_;
  const gateway::Config& config_;
  std::string outside_;
  std::string user_;
  std::vector<Scenario> out_;
};

}  // namespace

std::vector<Scenario> scenarios_of(const Plan& plan, const gateway::Config& config) {
  return Scenarios(plan, config).take();
}

}  // namespace postern::verify
