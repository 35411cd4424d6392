// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"
#include "mailtools/verify/replies.h"
#include "mailtools/verify/scenario.h"
#include "mailtools/verify/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace postern::verify {
namespace {

/// The letter's own arrivals in one mailbox.
struct Tally {
  unsigned copies = 0;
  const Bounce* bounce = nullptr;
};

Tally tally(const Watched& box, std::string_view token) {
  Tally out;
  for (const Arrival& arrival : box.arrivals) {
    if (arrival.token != token) continue;
    if (arrival.bounce) out.bounce = &*arrival.bounce;
    if (!arrival.bounce) ++out.copies;
  }
  return out;
}

unsigned wanted_in(const Scenario& scenario, std::size_t mailbox) {
  for (const Wanted& one : scenario.wanted) {
    if (one.mailbox == mailbox) return one.copies;
  }
  return 0;
}

bool is_watched_for(const Scenario& scenario, std::size_t mailbox) {
  return std::any_of(scenario.wanted.begin(), scenario.wanted.end(), [mailbox](const Wanted& one) {
    return one.mailbox == mailbox;
  });
}

void add_part(std::string& text, const std::string& part) {
  if (!text.empty()) text += ", ";
  text += part;
}

Side side_of(Door door) {
  switch (door) {
    case Door::old_server:
      return Side::old_server;
    case Door::platform:
      return Side::new_platform;
    case Door::gateway:
    case Door::stranger:
      break;
  }
  return Side::outside;
}

std::string_view unreachable_code(Door door) {
  switch (door) {
    case Door::old_server:
      return "x-unreachable";
    case Door::platform:
      return "v-submission";
    case Door::gateway:
    case Door::stranger:
      break;
  }
  return "g-unreachable";
}

/// 5.4.14 is Exchange's word for it.
bool tells_of_circle(const Bounce& bounce) {
  return bounce.status == "5.4.6" || bounce.status == "5.4.14";
}

std::string_view imap_code(Side side) {
  switch (side) {
    case Side::old_server:
      return "x-imap";
    case Side::new_platform:
      return "v-imap";
    case Side::outside:
      break;
  }
  return "e-imap";
}

/// Judges one letter; its parts say something of the row each.
class Judgement {
 public:
  Judgement(const Plan& plan,
            const Scenario& scenario,
            std::string_view token,
            const Handed& handed,
            const std::vector<Watched>& watched)
      : plan_(plan), scenario_(scenario), token_(token), handed_(handed), watched_(watched) {}

  Row row(std::string_view door) {
    row_.name = scenario_.name;
    row_.title = scenario_.title;
    row_.sent = fmt::format("{} -> {}, at {}", scenario_.from, scenario_.to, door);
    expect();
    if (!scenario_.skipped.empty()) {
      row_.why = scenario_.skipped;
      return row_;
    }
    row_.verdict = Verdict::passed;
    if (scenario_.refused != Refusal::none) {
      judge_refusal();
    } else if (handed_.taken()) {
      judge_copies();
      judge_bounces();
      judge_sight();
    } else {
      judge_door();
    }
    if (!row_.troubles.empty()) row_.verdict = Verdict::failed;
    return row_;
  }

 private:
  void trouble(std::string_view code, std::string what) {
    const Trouble one{std::string(code), std::move(what)};
    if (std::find(row_.troubles.begin(), row_.troubles.end(), one) == row_.troubles.end())
      row_.troubles.push_back(one);
  }

  void expect() {
    if (scenario_.refused == Refusal::relaying) row_.expected = "a refusal: 550 5.7.1";
    if (scenario_.refused == Refusal::circling) row_.expected = "a refusal: 554 5.4.6";
    for (const Wanted& one : scenario_.wanted)
      add_part(row_.expected,
               fmt::format("{} {}", plan_.mailboxes[one.mailbox].name(), one.copies));
    if (scenario_.bounce_at)
      add_part(row_.expected,
               fmt::format("a report in {}", plan_.mailboxes[*scenario_.bounce_at].name()));
  }

  void judge_refusal() {
    if (!handed_.refusal) {
      row_.found = handed_.taken() ? "taken" : handed_.failure;
      return handed_.taken() ? trouble(scenario_.trouble, "it was not refused")
                             : trouble(unreachable_code(scenario_.door), handed_.failure);
    }
    row_.found = printable(handed_.refusal->line());
    if (!handed_.refusal->is_permanent()) return trouble("temporary", row_.found);
    const std::string status = handed_.refusal->status().str();
    const bool relay =
        handed_.step == Step::recipient && denies_relay(status, handed_.refusal->text());
    const bool circle = handed_.step == Step::letter && status == "5.4.6";
    if (scenario_.refused == Refusal::relaying ? relay : circle) return;
    row_.verdict = Verdict::not_tested;
    row_.why = fmt::format("refused for another reason than {}: {}",
                           scenario_.refused == Refusal::relaying ? "relaying" : "circling",
                           row_.found);
  }

  void judge_door() {
    if (!handed_.refusal) {
      row_.found = "not sent";
      return trouble(unreachable_code(scenario_.door), handed_.failure);
    }
    row_.found = printable(handed_.refusal->line());
    // The report that is wanted would say no more than this refusal, and it is there sooner.
    if (scenario_.bounce_at && handed_.step == Step::recipient && knows_no_user(*handed_.refusal))
      return;
    const Side side = side_of(scenario_.door);
    const bool to_unknown = scenario_.name == "S6" || scenario_.bounce_at.has_value();
    const Question question = handed_.step == Step::session  ? Question::connect
                              : handed_.step == Step::sender ? Question::sender
                              : to_unknown                   ? Question::unknown
                                                             : Question::user;
    const std::string_view code = side == Side::outside
                                      ? std::string_view("g-refused")
                                      : trouble_of(question, side, *handed_.refusal);
    trouble(code, row_.found);
  }

  void judge_copies() {
    bool old_has_it = false;
    for (std::size_t i = 0; i < watched_.size(); ++i) {
      const Mailbox& box = plan_.mailboxes[i];
      const Tally found = tally(watched_[i], token_);
      const unsigned wanted = wanted_in(scenario_, i);
      if (found.copies != 0 || is_watched_for(scenario_, i))
        add_part(row_.found, fmt::format("{} {}", box.name(), found.copies));
      note_paths(i);
      if (box.side == Side::old_server && found.copies == 1 && wanted == 1) old_has_it = true;
      if (found.copies > wanted) {
        trouble(wanted == 0 ? "copy-unexpected" : "copy-twice",
                fmt::format("{} has {}, must have {}", box.name(), found.copies, wanted));
      }
    }
    for (const Wanted& one : scenario_.wanted) {
      if (!watched_[one.mailbox].failure.empty()) continue;
      if (tally(watched_[one.mailbox], token_).copies >= one.copies) continue;
      const Mailbox& box = plan_.mailboxes[one.mailbox];
      const auto astray = watched_[one.mailbox].elsewhere.find(std::string(token_));
      if (astray != watched_[one.mailbox].elsewhere.end()) {
        trouble("copy-in-other-folder",
                fmt::format("{} has it in \"{}\"", box.name(), printable(astray->second)));
        if (box.side == Side::old_server) old_has_it = true;
        continue;
      }
      const bool is_copy = box.side == Side::new_platform && !scenario_.trouble_after_old.empty();
      if (is_copy && !old_has_it) continue;  // what is missing in X explains it
      trouble(is_copy ? scenario_.trouble_after_old : scenario_.trouble,
              fmt::format("{} has none", box.name()));
    }
  }

  void note_paths(std::size_t mailbox) {
    for (const Arrival& arrival : watched_[mailbox].arrivals) {
      if (arrival.token != token_ || arrival.bounce) continue;
      row_.paths.push_back(
          fmt::format("{}: {}", plan_.mailboxes[mailbox].name(), arrows(arrival.path)));
      note_client(arrival);
    }
  }

  /// At the gateway's own door we are its client, elsewhere a server that it must know (R7).
  void note_client(const Arrival& arrival) {
    if (arrival.client_at_gateway.empty()) return;
    if (scenario_.door == Door::old_server && !plan_.old_has_listener)
      return note_source(*plan_.old_hop, arrival.client_at_gateway);
    if (scenario_.door == Door::platform && !plan_.new_has_listener)
      return note_source(*plan_.new_hop, arrival.client_at_gateway);
    if (scenario_.door != Door::gateway) return;
    const std::optional<IpAddress> sent_from = parse_ip(handed_.local_address);
    if (!sent_from || parse_ip(arrival.client_at_gateway) == sent_from) return;
    trouble("balancer-hides-clients",
            fmt::format("sent from {}, the gateway's Received field says {}",
                        handed_.local_address,
                        arrival.client_at_gateway));
  }

  /// Hosts that are names have their sources by DNS, which is not asked here.
  void note_source(const routing::NextHop& hop, const std::string& client) {
    const std::optional<IpAddress> address = parse_ip(client);
    if (!address || hop.sources.empty() || hop.sources.contains(*address)) return;
    trouble("source-unknown",
            fmt::format("mail of \"{}\" came to the gateway from {}", hop.name, client));
  }

  void judge_bounces() {
    bool wanted_came = false;
    for (std::size_t i = 0; i < watched_.size(); ++i) {
      const Tally found = tally(watched_[i], token_);
      if (found.bounce == nullptr) continue;
      const std::string words = words_of(*found.bounce);
      add_part(row_.found, fmt::format("a report in {}: {}", plan_.mailboxes[i].name(), words));
      if (scenario_.bounce_at) {
        wanted_came = true;
        if (tells_of_circle(*found.bounce)) trouble("g-loop", words);
      } else {
        trouble(bounce_code(*found.bounce), words);
      }
    }
    if (!scenario_.bounce_at || wanted_came || !watched_[*scenario_.bounce_at].failure.empty())
      return;
    add_part(row_.found, "no report");
    trouble(scenario_.trouble, "");
  }

  static std::string words_of(const Bounce& bounce) {
    return printable(fmt::format("<{}> {} {}", bounce.recipient, bounce.status, bounce.diagnostic),
                     300);
  }

  /// What a report that nobody wanted says of the settings.
  std::string_view bounce_code(const Bounce& bounce) const {
    const std::string recipient = lower_case(bounce.recipient);
    const bool ours = at_domain(recipient, plan_.domain) || at_domain(recipient, plan_.alias);
    const bool forwarded = !scenario_.trouble_after_old.empty();
    if (forwarded && !recipient.empty() && !ours) return "x-forwarding-address";
    if (tells_of_circle(bounce)) return "g-loop";
    if (scenario_.to == plan_.address(Role::outside))
      return denies_relay(bounce.status, bounce.diagnostic) ? "x-relay-refused" : "bounce";
    const bool unknown = bounce.status == "5.1.1" || bounce.status == "5.1.10";
    if (at_domain(recipient, plan_.alias)) return unknown ? "v-alias" : "v-delivery";
    if (unknown && at_domain(recipient, plan_.domain)) return "x-recipient-filter";
    if (bounce.status == "5.7.133") return "x-group-authenticated";
    if (bounce.status == "5.7.60") return "x-sender-refused";
    return "bounce";
  }

  /// Mailboxes that could not be looked into, and letters whose end nobody sees.
  void judge_sight() {
    for (const Wanted& one : scenario_.wanted)
      see(one.mailbox);
    if (scenario_.bounce_at) see(*scenario_.bounce_at);
    if (!scenario_.blind.empty() && row_.troubles.empty()) {
      row_.verdict = Verdict::not_tested;
      row_.why = scenario_.blind;
    }
  }

  void see(std::size_t mailbox) {
    if (watched_[mailbox].failure.empty()) return;
    const Mailbox& box = plan_.mailboxes[mailbox];
    trouble(imap_code(box.side), fmt::format("{}: {}", box.name(), watched_[mailbox].failure));
  }

  const Plan& plan_;
  const Scenario& scenario_;
  std::string_view token_;
  const Handed& handed_;
  const std::vector<Watched>& watched_;
  Row row_;
};

bool has_bounced(std::string_view token, const std::vector<Watched>& watched) {
  return std::any_of(watched.begin(), watched.end(), [token](const Watched& box) {
    return tally(box, token).bounce != nullptr;
  });
}

}  // namespace

unsigned count_copies(const Watched& box, std::string_view token) {
  return tally(box, token).copies;
}

bool has_come(const std::vector<std::size_t>& mailboxes,
              std::string_view token,
              const std::vector<Watched>& watched) {
  return std::any_of(mailboxes.begin(), mailboxes.end(), [&](std::size_t mailbox) {
    const Watched& box = watched[mailbox];
    return tally(box, token).copies > 0 || box.elsewhere.contains(std::string(token));
  });
}

bool is_complete(const Scenario& scenario,
                 std::string_view token,
                 const std::vector<Watched>& watched) {
  if (has_bounced(token, watched)) return true;
  for (const Wanted& one : scenario.wanted) {
    const Watched& box = watched[one.mailbox];
    if (!box.failure.empty() || box.elsewhere.contains(std::string(token))) continue;
    if (tally(box, token).copies < one.copies) return false;
  }
  const std::vector<std::size_t>& astray = scenario.astray;
  const bool may_be_seen = std::any_of(astray.begin(), astray.end(), [&](std::size_t mailbox) {
    return watched[mailbox].failure.empty();
  });
  if (may_be_seen && !has_come(astray, token, watched)) return false;
  return !scenario.bounce_at || !watched[*scenario.bounce_at].failure.empty();
}

Row judge(const Plan& plan,
          const Scenario& scenario,
          std::string_view token,
          std::string_view door,
          const Handed& handed,
          const std::vector<Watched>& watched) {
  return Judgement(plan, scenario, token, handed, watched).row(door);
}

}  // namespace postern::verify
