// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/attempt.h"
#include "queue/dsn/policy.h"
#include "queue/dsn/storm.h"
#include "queue/engine.h"

#include <map>
#include <random>
#include <string_view>
#include <unordered_map>

namespace postern::queue {

/// A lane with what wakes it.
struct LaneBox {
  LaneBox(net::Executor executor, std::string name, const LanePolicy& policy)
      : lane(std::move(name), policy), timer(executor) {}
  Lane lane;
  std::vector<std::string> others;  ///< of a list of next hops, those behind the one it is named by
  net::Timer timer;
  spool::WallTime armed_for = spool::WallTime::max();
  double delivery_us = 0;       ///< how long a delivery takes lately
  spool::MessageId redirected;  ///< up to here those that wait were asked for another way
  bool looked_after = false;    ///< somebody goes through what waits for the dead hop
};
using LaneBoxPtr = std::shared_ptr<LaneBox>;

/// Why a message is tried now.
enum class Turn : std::uint8_t {
  due,
  early,   ///< before its time: Lane::take_early()
  beside,  ///< although the circuit is broken: Lane::next_beside()
};

/// The result of one group's delivery, not settled yet.
struct GroupResult {
  LaneBoxPtr box;
  spool::Lease lease;
  Group group;
  Attempted attempted;
  RoutingView view;
  Turn turn = Turn::due;
};

/// What the reply to a fresh message waits for: the commit, the deliveries, whichever tells first.
struct Race {
  explicit Race(net::Executor executor) : event(executor) {
    event.expires_at(net::TimePoint::max());
  }
  void decide() {
    decided = true;
    event.cancel();
  }

  net::Timer event;
  spool::MessagePtr message;
  bool decided = false;
  bool waiting = true;            ///< the client has no reply yet
  bool safe = false;              ///< R15 holds
  bool holds_on = false;          ///< hold_on() decides
  std::error_code error;          ///< the commit failed
  std::size_t under_way = 0;      ///< deliveries
  bool others = false;            ///< somebody was not refused
  std::vector<GroupResult> held;  ///< refused entirely, not settled
  smtp::Reply refusal;            ///< the message was withdrawn; code 0: no
};
using RacePtr = std::shared_ptr<Race>;

struct Engine::Impl : std::enable_shared_from_this<Impl> {
  Impl(net::Executor on, spool::Spool& in, HopPool& over, EngineOptions how);

  // engine.cc: what comes in
  net::Awaitable<Accepted> accept(spool::Draft draft,
                                  spool::Envelope envelope,
                                  std::vector<Routed> routed,
                                  RoutingView view,
                                  Promise promise);
  void launch(const spool::MessagePtr& message,
              std::vector<Group> groups,
              const RoutingView& view,
              const RacePtr& race);
  void committed(const RacePtr& race, std::error_code error);
  void group_ended(const RacePtr& race);
  bool pass_refusal_back(const RacePtr& race);

  // engine_promise.cc: no room for what somebody has already
  void not_stored(const RacePtr& race);
  net::Awaitable<void> hold_on(RacePtr race);
  void withdraw(const Race& race);
  std::chrono::microseconds grace_for(const std::vector<Group>& groups, const RoutingView& view);

  // engine_lanes.cc: lanes and who is next
  LaneBoxPtr lane(const std::string& name);
  LaneBoxPtr lane(const routing::Target& target, const RoutingView& view);
  void pump(const LaneBoxPtr& box);
  void arm(const LaneBoxPtr& box);
  void finished(const LaneBoxPtr& box, LaneOutcome outcome, Turn turn = Turn::due);
  void hop_answers(const std::string& hop);
  void wait_in_lane(const LaneBoxPtr& box, const spool::MessagePtr& message);
  net::Awaitable<Result<spool::MessagePtr>> get(spool::MessageId id);
  net::Awaitable<void> look_after_the_blocked(LaneBoxPtr box);
  void spawn(net::Awaitable<void> job);

  // engine_jobs.cc: one message's turn
  net::Awaitable<void> run_job(LaneBoxPtr box, spool::MessageId id, Turn turn);
  /// True: it waits on.
  net::Awaitable<bool> examine(LaneBoxPtr box, spool::MessageId id);
  void comes_again(const LaneBoxPtr& box, spool::MessageId id);
  bool hand_over(const spool::MessagePtr& message, const Group& group, const LaneBoxPtr& to);
  net::Awaitable<void> redirect(LaneBoxPtr box, spool::MessageId id);
  net::Awaitable<void> deliver_fresh(GroupResult job, RacePtr race);
  net::Awaitable<void> deliver(GroupResult& job);
  net::Awaitable<void> conclude(GroupResult job);
  net::Awaitable<void> settle_unrouted(spool::MessagePtr message,
                                       std::vector<Routed> routed,
                                       RoutingView view);
  net::Awaitable<void> give_up(LaneBoxPtr box, spool::Lease lease, RoutingView view);

  // engine_reports.cc: what senders are told
  /// True: told, or rightly not; false: it could not be stored, and nothing may be settled yet.
  net::Awaitable<bool> report(spool::MessagePtr message,
                              std::vector<dsn::ReportedRecipient> about,
                              RoutingView view);
  net::Awaitable<Result<std::string>> read_front(spool::MessagePtr message, std::uint64_t octets);

  // engine_control.cc: an operator's
  net::Awaitable<void> give_up_for_operator(spool::MessageId id,
                                            std::vector<std::uint32_t> indices,
                                            bool tell,
                                            OnGivenUp done);

  double chance() { return std::uniform_real_distribution<double>(0.0, 1.0)(random); }
  void log(const DeliveryEvent& event) const {
    if (options.log) options.log(event);
  }

  net::Executor executor;
  spool::Spool& spool;
  HopPool& pool;
  EngineOptions options;
  std::mt19937 random;
  std::map<std::string, LaneBoxPtr, std::less<>> lanes;
  /// Messages that wait in a lane and are still in memory.
  std::unordered_map<std::uint64_t, spool::MessagePtr> hot;
  std::shared_ptr<dsn::StormGuard> storm;
  std::size_t jobs = 0;                         ///< under way, of any kind
  std::chrono::milliseconds ask_for_room{250};  ///< how often, for each client that waits for it
  bool waits_for_room = true;                   ///< clients do: hold_on()
  bool stopping = false;
};

/// The recipients of a group, for a lease.
inline std::vector<std::uint32_t> indices_of(const Group& group) {
  std::vector<std::uint32_t> out;
  out.reserve(group.recipients.size());
  for (const Routed& r : group.recipients)
    out.push_back(r.index);
  return out;
}

/// One recipient as reports and logs tell of it.
dsn::ReportedRecipient reported(const spool::Message& message,
                                std::uint32_t index,
                                dsn::Action action,
                                const smtp::Reply& reply,
                                const routing::Decision* decision,
                                const HopReport* report);

/// The outcome of a recipient that is given up: whether its sender is told (R17, NOTIFY).
inline DeliveryEvent::Outcome outcome_of_failure(const spool::Message& message,
                                                 std::uint32_t index) {
  const smtp::Notify& notify = message.address(index).parameters.notify;
  const bool told = !message.sender().path.is_null() && dsn::is_wanted(notify, dsn::Action::failed);
  return told ? DeliveryEvent::Outcome::bounced : DeliveryEvent::Outcome::failed;
}

/// When a message is given up: by its id, as lanes see it.
inline spool::WallTime end_of_life(const spool::Message& message, const RetryPolicy& retry) {
  return message.id().born() + retry.lifetime;
}

}  // namespace postern::queue
