// SPDX-License-Identifier: Apache-2.0
// One message's turn: routed, tried, and settled recipient by recipient.
#include "queue/engine_impl.h"
#include "queue/spool/errors.h"

#include <algorithm>
#include <utility>

namespace postern::queue {
namespace {

using smtp::Reply;
using spool::Fate;
using spool::WallTime;
using Outcome = DeliveryEvent::Outcome;

/// A message that somebody else has just now comes again.
constexpr std::chrono::seconds kBusyPause{1};
/// Tries of a message for a busy hop that wait for the hop alone; the next ones by the schedule.
constexpr unsigned kQuickTries = 3;
/// How much a delivery's time counts in the average.
constexpr double kWeight = 0.2;

LaneOutcome outcome_of(const Attempted& attempted) {
  switch (attempted.report.trouble) {
    case HopTrouble::none:
      break;
    case HopTrouble::dead:
      return LaneOutcome::dead;
    case HopTrouble::busy:
    case HopTrouble::broke_off:
      return LaneOutcome::slow;
  }
  return attempted.unreadable ? LaneOutcome::nothing : LaneOutcome::success;
}

bool all_refused(const Attempted& attempted) {
  const auto permanent = [](const Reply& reply) { return reply.is_permanent(); };
  return !attempted.replies.empty() &&
         std::all_of(attempted.replies.begin(), attempted.replies.end(), permanent);
}

spool::Attempt tried(const Reply& reply, const HopReport& report) {
  return spool::Attempt{reply, report.host, true};
}

/// Too many recipients for one transaction (RFC 5321 4.5.3.1.10): the rest goes at once.
bool is_too_many(const Reply& reply) {
  return reply.code() == 452 && reply.status() == smtp::EnhancedStatus{4, 5, 3};
}

/// A message's recipients in a lane.
struct Waiting {
  std::vector<std::uint32_t> due;       ///< to be tried now
  WallTime next_due = WallTime::max();  ///< of the others
};

/// `early`: those too whose time has not come.
Waiting waiting_recipients(const spool::Message& message,
                           const std::string& lane,
                           WallTime now,
                           bool early) {
  Waiting out;
  for (std::uint32_t i = 0; i < message.recipients(); ++i) {
    const spool::Recipient r = message.recipient(i);
    if (r.fate != Fate::pending || r.lane != lane) continue;
    if (early || r.due <= now) {
      out.due.push_back(i);
    } else {
      out.next_due = std::min(out.next_due, r.due);
    }
  }
  return out;
}

}  // namespace

dsn::ReportedRecipient reported(const spool::Message& message,
                                std::uint32_t index,
                                dsn::Action action,
                                const Reply& reply,
                                const routing::Decision* decision,
                                const HopReport* report) {
  dsn::ReportedRecipient out;
  out.recipient = message.address(index);
  out.action = action;
  out.reply = reply;
  out.last_attempt = std::chrono::system_clock::now();
  if (report != nullptr && reply.code() != 0) out.host = report->host;
  if (decision != nullptr) {
    if (decision->kind == routing::DecisionKind::route) out.next_hop = decision->target.name();
    out.reason = std::string(decision->stage) + ": " + std::string(decision->reason());
  }
  return out;
}

/// A message's turn in a lane, which holds a place for it.
net::Awaitable<void> Engine::Impl::run_job(LaneBoxPtr box, spool::MessageId id, Turn turn) {
  const auto self = shared_from_this();
  Result<spool::MessagePtr> got = co_await get(id);
  if (!got) {
    if (got.error() == make_error_code(spool::Errc::read_failed)) {
      comes_again(box, id);
    }
    finished(box, LaneOutcome::nothing, turn);
    co_return;
  }
  const spool::MessagePtr message = *got;
  const WallTime now = spool::wall_now();
  const Waiting waiting = waiting_recipients(*message, box->lane.name(), now, turn != Turn::due);
  const std::vector<std::uint32_t>& indices = waiting.due;
  // The lane has forgotten the message with this turn.
  if (waiting.next_due != WallTime::max()) {
    box->lane.add(id, waiting.next_due);
    arm(box);
  }
  Result<spool::Lease> lease = make_error_code(spool::Errc::settled);
  if (!indices.empty()) lease = message->lease(indices);
  if (!lease) {
    if (lease.error() == make_error_code(spool::Errc::leased)) comes_again(box, id);
    finished(box, LaneOutcome::nothing, turn);
    co_return;
  }
  const RoutingView view = options.routing();
  if (end_of_life(*message, view.retry) <= now && message->recipient(indices[0]).attempts > 0) {
    finished(box, LaneOutcome::nothing, turn);
    co_await give_up(box, std::move(*lease), view);
    co_return;
  }
  std::vector<Routed> routed = co_await decide(view, message, indices);
  std::vector<Group> groups = take_groups(routed);
  lease->release();
  if (!routed.empty()) spawn(settle_unrouted(message, std::move(routed), view));
  // Its own group last: the others have not to wait for a hop that may be slow.
  Group* own = nullptr;
  for (Group& group : groups) {
    const LaneBoxPtr target = lane(group.target, view);
    if (target == box && own == nullptr) {
      own = &group;
    } else if (!hand_over(message, group, target)) {
      comes_again(box, id);
    }
  }
  Result<spool::Lease> held = make_error_code(spool::Errc::settled);
  if (own != nullptr) held = message->lease(indices_of(*own));
  if (!held) {
    if (own != nullptr) comes_again(box, id);
    finished(box, LaneOutcome::nothing, turn);
    co_return;
  }
  GroupResult job{box, std::move(*held), std::move(*own), {}, view, turn};
  co_await deliver(job);
  co_await conclude(std::move(job));
}

/// The config, or who is cut over, has changed since: another way. False: an operator has one of
/// the recipients, or has ended it; the others must be somewhere.
bool Engine::Impl::hand_over(const spool::MessagePtr& message,
                             const Group& group,
                             const LaneBoxPtr& to) {
  Result<spool::Lease> held = message->lease(indices_of(group));
  if (!held) return false;
  const WallTime now = spool::wall_now();
  for (const Routed& r : group.recipients)
    held->reschedule(r.index, now, to->lane.name(), spool::Attempt{{}, {}, false});
  to->lane.add(message->id(), WallTime());
  pump(to);
  return true;
}

/// A message that waits for a hop in trouble: those of its recipients that the stages now send
/// elsewhere go there. What they refuse now waits for its turn.
net::Awaitable<void> Engine::Impl::redirect(LaneBoxPtr box, spool::MessageId id) {
  const auto self = shared_from_this();
  const auto known = hot.find(id.value());
  Result<spool::MessagePtr> got = make_error_code(spool::Errc::not_found);
  if (known != hot.end()) {
    got = known->second;
  } else {
    got = co_await spool.load(id);
  }
  if (!got) co_return;
  const spool::MessagePtr message = *got;
  const Waiting waiting =
      waiting_recipients(*message, box->lane.name(), spool::wall_now(), /*early=*/true);
  if (waiting.due.empty()) co_return;
  Result<spool::Lease> lease = message->lease(waiting.due);
  if (!lease) co_return;
  const RoutingView view = options.routing();
  std::vector<Routed> routed = co_await decide(view, message, waiting.due);
  const std::vector<Group> groups = take_groups(routed);
  lease->release();
  bool stays = !routed.empty();
  for (const Group& group : groups) {
    const LaneBoxPtr target = lane(group.target, view);
    if (target == box || !hand_over(message, group, target)) stays = true;
  }
  if (!stays) box->lane.remove(std::span(&id, 1));
}

void Engine::Impl::comes_again(const LaneBoxPtr& box, spool::MessageId id) {
  box->lane.add(id, spool::wall_now() + kBusyPause);
  arm(box);
}

net::Awaitable<void> Engine::Impl::deliver_fresh(GroupResult job, RacePtr race) {
  const auto self = shared_from_this();
  co_await deliver(job);
  if (race && race->waiting && all_refused(job.attempted)) {
    race->held.push_back(std::move(job));
  } else {
    if (race) race->others = true;
    co_await conclude(std::move(job));
  }
  if (race) group_ended(race);
}

net::Awaitable<void> Engine::Impl::deliver(GroupResult& job) {
  const net::TimePoint began = net::Clock::now();
  std::string prefix = trace_prefix(job.view, *job.lease.message(), job.group);
  job.attempted = co_await attempt(pool, spool, job.lease.message(), job.group, std::move(prefix));
  LaneOutcome outcome = outcome_of(job.attempted);
  if (outcome == LaneOutcome::success) {
    const std::chrono::duration<double, std::micro> took = net::Clock::now() - began;
    job.box->delivery_us += kWeight * (took.count() - job.box->delivery_us);
  }
  // What broke the circuit may be TLS, which this message did without: no word for the others.
  const bool waived = job.attempted.report.tls_waived && job.box->lane.is_broken();
  if (outcome == LaneOutcome::success && waived) outcome = LaneOutcome::nothing;
  finished(job.box, outcome, job.turn);
}

/// Every recipient of the group gets its fate, or its next time.
net::Awaitable<void> Engine::Impl::conclude(GroupResult job) {
  const auto self = shared_from_this();
  const spool::MessagePtr message = job.lease.message();
  const HopReport& report_of_hop = job.attempted.report;
  const RetryPolicy& retry = job.view.retry;
  const WallTime now = spool::wall_now();
  const WallTime end = end_of_life(*message, retry);
  std::vector<dsn::ReportedRecipient> told;
  std::vector<std::size_t> failing;
  std::vector<std::size_t> deferred;
  std::vector<std::uint32_t> warned;
  for (std::size_t i = 0; i < job.group.recipients.size(); ++i) {
    const Routed& r = job.group.recipients[i];
    const Reply& reply = job.attempted.replies[i];
    const auto tell = [&](dsn::Action action) {
      told.push_back(reported(*message, r.index, action, reply, &r.decision, &report_of_hop));
    };
    if (reply.is_positive()) {
      const smtp::Notify& notify = message->address(r.index).parameters.notify;
      if (const auto action = dsn::on_taken(notify, report_of_hop.dsn)) tell(*action);
    } else if (reply.is_permanent() || (end <= now && !job.attempted.unreadable)) {
      failing.push_back(i);
      tell(dsn::Action::failed);
    } else {
      deferred.push_back(i);
      const bool late =
          retry.warn_after.count() > 0 && message->received() + retry.warn_after <= now;
      if (!late || message->recipient(r.index).warned) continue;
      tell(dsn::Action::delayed);
      told.back().will_retry_until = end;
      warned.push_back(r.index);
    }
  }
  DeliveryEvent event;
  event.message = message;
  event.report = &report_of_hop;
  const auto log_one = [&](std::size_t i, Outcome outcome) {
    event.outcome = outcome;
    event.index = job.group.recipients[i].index;
    event.decision = &job.group.recipients[i].decision;
    event.reply = job.attempted.replies[i];
    event.attempts = message->recipient(event.index).attempts;
    log(event);
  };
  for (std::size_t i = 0; i < job.group.recipients.size(); ++i) {
    if (!job.attempted.replies[i].is_positive()) continue;
    const std::uint32_t index = job.group.recipients[i].index;
    job.lease.settle(index, Fate::delivered, tried(job.attempted.replies[i], report_of_hop));
    log_one(i, Outcome::delivered);
  }
  bool may_fail = true;
  if (!told.empty()) {
    may_fail = co_await report(message, std::move(told), job.view);
  }
  for (const std::uint32_t index : warned) {
    if (may_fail) job.lease.mark_warned(index);
  }
  if (!may_fail) {
    // Nobody would know of the failure: as if it had not come.
    deferred.insert(deferred.end(), failing.begin(), failing.end());
    failing.clear();
  }
  for (const std::size_t i : failing) {
    const std::uint32_t index = job.group.recipients[i].index;
    const Reply& reply = job.attempted.replies[i];
    job.lease.settle(index, Fate::failed, tried(reply, report_of_hop));
    log_one(i, outcome_of_failure(*message, index));
  }
  if (deferred.empty()) co_return;
  const bool hop_is_out =
      report_of_hop.trouble == HopTrouble::dead || report_of_hop.trouble == HopTrouble::busy;
  const auto went = [](const Reply& reply) { return !is_too_many(reply); };
  const auto& replies = job.attempted.replies;
  const bool some_went = std::any_of(replies.begin(), replies.end(), went);
  const double moved = chance();  // one for all: what failed together goes together again (R14)
  WallTime earliest = WallTime::max();
  for (const std::size_t i : deferred) {
    const std::uint32_t index = job.group.recipients[i].index;
    const Reply& reply = job.attempted.replies[i];
    const unsigned attempts = message->recipient(index).attempts + 1;
    WallTime due = now + job.box->lane.policy().retry.pause(attempts, moved);
    // A hop that is out is the lane's matter, which probes it: no message waits longer than that.
    if (is_too_many(reply) && some_went) due = now;
    // Unless it is this message that the hop calls itself busy for, again and again.
    const bool quick = report_of_hop.trouble == HopTrouble::dead || attempts <= kQuickTries;
    if (hop_is_out && quick && job.box->lane.is_blocked(now)) due = now;
    due = std::min(due, std::max(end, now));
    earliest = std::min(earliest, due);
    job.lease.reschedule(index, due, job.box->lane.name(), tried(reply, report_of_hop));
    event.next_try = due;
    log_one(i, Outcome::deferred);
  }
  message->forget_body();
  job.box->lane.add(message->id(), earliest, hop_is_out);
  pump(job.box);
}

}  // namespace postern::queue
