// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/letters.h"

#include "mailtools/verify/held_signals.h"
#include "mailtools/verify/letter.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <utility>

namespace postern::verify {
namespace {

/// A server that fails so often in a row is not asked again.
constexpr unsigned kMostFailures = 3;
constexpr std::chrono::milliseconds kFirstPause{250};
constexpr std::chrono::milliseconds kLongestPause{5000};
/// Other folders are asked once pauses are as long.
constexpr std::chrono::milliseconds kElsewherePause{2000};
constexpr std::chrono::seconds kElsewhereLimit{60};

SessionTerms door_terms(const Plan& plan, Door door) {
  SessionTerms terms;
  terms.helo = plan.helo;
  switch (door) {
    case Door::old_server:
      terms.server = plan.old_smtp;
      terms.local = plan.from.outside;
      break;
    case Door::gateway:
      terms.server = plan.gateway_mx;
      terms.local = plan.from.outside;
      break;
    case Door::stranger:
      terms.server = plan.gateway_mx;
      terms.local = plan.from.stranger;
      break;
    case Door::platform:
      if (plan.submission) terms.server = *plan.submission;
      terms.local = plan.from.platform;
      terms.user = plan.submission_user;
      terms.password = plan.submission_password;
      break;
  }
  return terms;
}

std::string door_name(Door door, const SessionTerms& terms) {
  const std::string at = terms.server.host.empty() ? "(not given)" : terms.server.str();
  switch (door) {
    case Door::old_server:
      return "X " + at;
    case Door::platform:
      return "V " + at;
    case Door::gateway:
    case Door::stranger:
      break;
  }
  return "G " + at;
}

/// A stranger whose address may relay is none, which only the connection tells.
std::string may_relay(const gateway::Config& config, const SessionTerms& terms) {
  const IpSet& allowed = config.routing.allow_without_auth;
  SmtpSession session(terms);
  const bool open = session.open();
  session.quit();
  const auto address = parse_ip(session.outcome().local_address);
  if (!open || !address || !allowed.contains(*address)) return {};
  return fmt::format(
      "{} is in relay.allow_without_auth; write another local address as connect_from.stranger, or "
      "run this on another machine",
      address->to_string());
}

}  // namespace

Letters::Letters(const Plan& plan, const gateway::Config& config, const VerifyOptions& options)
    : plan_(plan),
      config_(config),
      options_(options),
      run_(new_run()),
      watched_(plan.mailboxes.size()),
      failures_(plan.mailboxes.size()) {
  for (Scenario& scenario : scenarios_of(plan, config)) {
    if (!is_chosen(scenario.name, options.only)) continue;
    Sent one;
    one.token = token_of(run_, scenario.name);
    const SessionTerms terms = door_terms(plan, scenario.door);
    one.door = door_name(scenario.door, terms);
    if (scenario.skipped.empty() && terms.server.host.empty())
      scenario.skipped = "the config has no mx listener; write gateway.mx in the test's file";
    one.scenario = std::move(scenario);
    letters_.push_back(std::move(one));
  }
}

std::vector<Row> Letters::run(std::ostream& err) {
  ask_stranger();
  tried_ = std::any_of(letters_.begin(), letters_.end(), [](const Sent& one) {
    return one.scenario.skipped.empty();
  });
  if (tried_) {
    open_mailboxes();
    {
      const HeldSignals signals;
      send(signals);
      wait(signals, err);
    }
    if (!options_.keep) remove();
  }
  std::vector<Row> rows;
  for (const Sent& one : letters_)
    rows.push_back(row(one));
  return rows;
}

Row Letters::row(const Sent& one) const {
  Row out = judge(plan_, one.scenario, one.token, one.door, one.handed, watched_);
  const bool has_ended = one.handed.refusal || !one.handed.failure.empty() ||
                         (one.handed.taken() && (one.scenario.refused != Refusal::none ||
                                                 is_complete(one.scenario, one.token, watched_)));
  if (!interrupted_ || has_ended || !one.scenario.skipped.empty()) return out;
  out.verdict = Verdict::not_tested;
  out.why = one.handed.taken() ? "interrupted while it was waited for" : "interrupted";
  out.troubles.clear();
  return out;
}

void Letters::ask_stranger() {
  for (Sent& one : letters_) {
    if (!one.scenario.skipped.empty() || one.scenario.door != Door::stranger) continue;
    one.scenario.skipped = may_relay(config_, door_terms(plan_, Door::stranger));
  }
}

void Letters::open_mailboxes() {
  for (std::size_t i = 0; i < plan_.mailboxes.size(); ++i) {
    readers_.emplace_back(plan_.mailboxes[i], run_, plan_.gateway_name);
    if (auto failed = readers_[i].open()) {
      watched_[i].failure = std::move(*failed);
    } else {
      reached_ = true;
    }
  }
}

void Letters::send(const HeldSignals& signals) {
  for (Sent& one : letters_) {
    const Scenario& scenario = one.scenario;
    if (!scenario.skipped.empty()) continue;
    interrupted_ = signals.pause({});
    if (interrupted_) return;
    const std::string letter = scenario.fields + compose(one.token,
                                                         scenario.title,
                                                         scenario.from,
                                                         scenario.to,
                                                         plan_.helo,
                                                         std::chrono::system_clock::now());
    one.handed = hand_in(door_terms(plan_, scenario.door), scenario.from, scenario.to, letter);
    reached_ = reached_ || one.handed.reached;
    sent_any_ = sent_any_ || one.handed.taken();
  }
}

/// Polls, ever more seldom; once all is there, `settle` longer for copies too many. What has not
/// come after some seconds may lie among the spam already, and is not waited for in vain then.
void Letters::wait(const HeldSignals& signals, std::ostream& err) {
  using Clock = std::chrono::steady_clock;
  if (!sent_any_) return;
  const auto begin = Clock::now();
  std::chrono::milliseconds pause = kFirstPause;
  for (;;) {
    look();
    if (!interrupted_ && pause >= kElsewherePause) look_elsewhere(begin + options_.wait);
    const auto now = Clock::now();
    const std::size_t done = complete();
    if (options_.progress) {
      err << fmt::format("\r{} of {} letters are where they belong, {} s ",
                         done,
                         letters_.size(),
                         std::chrono::floor<std::chrono::seconds>(now - begin).count())
          << std::flush;
    }
    if (interrupted_ || done == letters_.size() || now - begin >= options_.wait) break;
    interrupted_ = signals.pause(pause);
    pause = std::min(pause * 3 / 2, kLongestPause);
  }
  if (options_.progress) err << "\n";
  if (interrupted_) return;
  interrupted_ = signals.pause(options_.settle);
  look();
  look_elsewhere(Clock::now() + kElsewhereLimit);
}

void Letters::look() {
  for (std::size_t i = 0; i < readers_.size(); ++i) {
    if (!watched_[i].failure.empty()) continue;
    if (auto failed = readers_[i].look()) {
      if (++failures_[i] == kMostFailures) watched_[i].failure = std::move(*failed);
    } else {
      failures_[i] = 0;
    }
    watched_[i].arrivals = readers_[i].arrivals();
  }
}

std::size_t Letters::complete() const {
  return static_cast<std::size_t>(
      std::count_if(letters_.begin(), letters_.end(), [this](const Sent& one) {
        return !one.handed.taken() || is_complete(one.scenario, one.token, watched_);
      }));
}

/// Copies of the letter that belong, or may come, into mailboxes.
std::vector<Wanted> Letters::places_of(const Sent& one) const {
  std::vector<Wanted> out = one.scenario.wanted;
  if (has_come(one.scenario.astray, one.token, watched_)) return out;
  for (const std::size_t mailbox : one.scenario.astray)
    out.push_back({mailbox, 1});
  return out;
}

void Letters::look_elsewhere(std::chrono::steady_clock::time_point end) {
  for (const Sent& one : letters_) {
    if (!one.handed.taken()) continue;
    for (const Wanted& wanted : places_of(one)) {
      Watched& box = watched_[wanted.mailbox];
      if (!box.failure.empty() || std::chrono::steady_clock::now() > end) continue;
      if (count_copies(box, one.token) >= wanted.copies || box.elsewhere.contains(one.token))
        continue;
      if (auto folder = readers_[wanted.mailbox].find_elsewhere(one.token))
        box.elsewhere[one.token] = std::move(*folder);
    }
  }
}

/// A letter was taken that must come, or may have come, to this mailbox.
bool Letters::is_meant(std::size_t mailbox) const {
  return std::any_of(letters_.begin(), letters_.end(), [this, mailbox](const Sent& one) {
    const std::vector<Wanted> places = places_of(one);
    return one.handed.taken() && std::any_of(places.begin(), places.end(), [&](const Wanted& w) {
             return w.mailbox == mailbox && w.copies != 0;
           });
  });
}

/// Letters that nobody was to get, which were taken and are in no mailbox that is looked into.
void Letters::name_astray() {
  for (const Sent& one : letters_) {
    const Scenario& scenario = one.scenario;
    if (scenario.refused == Refusal::none || !one.handed.taken() ||
        has_come(scenario.astray, one.token, watched_)) {
      continue;
    }
    left_over_.push_back(fmt::format(
        "{}: the letter of {} was taken, and was not seen to arrive", scenario.to, scenario.name));
  }
}

void Letters::remove() {
  for (std::size_t i = 0; i < readers_.size(); ++i) {
    const std::string& failure = watched_[i].failure;
    if (!failure.empty()) {
      if (!readers_[i].arrivals().empty() || is_meant(i))
        left_over_.push_back(fmt::format("{}: {}", plan_.mailboxes[i].name(), failure));
      continue;
    }
    if (auto failed = readers_[i].remove())
      left_over_.push_back(fmt::format("{}: {}", plan_.mailboxes[i].name(), *failed));
  }
  name_astray();
}

}  // namespace postern::verify
