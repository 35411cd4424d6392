// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/retry_policy.h"
#include "queue/spool/message_id.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace postern::queue {

/// What a lane may do.
struct LanePolicy {
  std::size_t connections = 50;      ///< deliveries at a time
  unsigned messages_per_minute = 0;  ///< 0: as fast as it goes
  RetryPolicy retry;
};

/// How a delivery ended, as far as it tells about the next hop.
enum class LaneOutcome : std::uint8_t {
  success,  ///< the hop took a message, or refused it: it works
  slow,     ///< it said that it has too much to do (421, 4.3.2, 4.4.5)
  dead,     ///< it could not be reached, or broke off before it had said anything about the message
  nothing,  ///< there was no delivery
};

/// The queue of one next hop: which message may start now, and when the next one may. Concurrency
/// grows with success and shrinks with failure; a hop that is dead is probed by one message at a
/// time, in pauses that double. Holds ids, no messages. Pure: the time is given, nothing is waited
/// for. One thread.
class Lane {
 public:
  using Time = spool::WallTime;
  /// Deliveries that a lane begins with.
  static constexpr std::size_t kFirstWindow = 5;
  /// Dead this often in a row, and the circuit breaks.
  static constexpr unsigned kTrips = 2;

  Lane(std::string name, LanePolicy policy);

  const std::string& name() const { return name_; }
  const LanePolicy& policy() const { return policy_; }
  void set_policy(const LanePolicy& policy);

  /// A message that may be tried from `due` on. `for_hop`: it waits only because the hop is dead,
  /// and goes at once when that is over. Adding what is there already is fine.
  void add(spool::MessageId id, Time due, bool for_hop = false);
  /// A message that is at hand takes a place without having waited: true, and finished() must
  /// follow.
  bool try_start(Time now);
  /// The message that starts now: one of retry_now(), else the oldest. While the hop is in trouble
  /// they take turns, so that none is in the way of those behind it. finished() must follow.
  std::optional<spool::MessageId> next(Time now);
  /// Whether next() gave it before it was due, because of retry_now() or since a dead hop is back.
  bool take_early(spool::MessageId id) { return early_.erase(id) != 0; }
  void finished(LaneOutcome outcome, Time now, double random);
  /// A message that waits here, and that what breaks the circuit may not stop: next_beside() gives
  /// it. Nothing where the circuit is whole, or the message does not wait here.
  void try_beside(spool::MessageId id);
  /// One of try_beside(), whatever the pause; one at a time. finished_beside() must follow.
  std::optional<spool::MessageId> next_beside(Time now);
  /// Success is as good as any; a failure says of the hop what was known, and changes nothing: who
  /// sends such messages must not lengthen the pause of the others.
  void finished_beside(LaneOutcome outcome);
  /// Somebody else has found that the hop answers: where its circuit is broken, the next message
  /// tries it now and not at the end of the pause; where it is not, those that wait for the hop
  /// alone go. False: nothing is known against the hop, and nothing changes.
  bool hop_answers();
  /// When next() may have one although nothing has finished or come; Time::max(): never.
  Time wake() const;
  /// Messages that are tried at once, whatever was known of the hop ("postern queue retry"); ids
  /// ascending. Gives those that wait here.
  std::vector<spool::MessageId> retry_now(std::span<const spool::MessageId> ids);
  /// Messages that wait for nothing any more, ids ascending.
  void remove(std::span<const spool::MessageId> ids);

  /// Those that may start, in the order of ids behind `last`, up to `most`; they stay.
  std::vector<spool::MessageId> ready_after(spool::MessageId last, std::size_t most) const;
  /// Messages that wait for a dead hop longer than they may: taken out of the lane, up to `most`.
  std::vector<spool::MessageId> take_expired(Time now, std::size_t most);
  /// The same for those that have waited long enough for a warning; they stay, and come once.
  std::vector<spool::MessageId> due_for_warning(Time now, std::size_t most);

  bool is_blocked(Time now) const { return is_broken() || now < pause_until_; }
  /// The circuit: one message at a time finds out whether the hop is back.
  bool is_broken() const { return failures_ >= kTrips; }
  bool is_idle() const {
    return running_ == 0 && !beside_runs_ && ready_.empty() && later_.empty();
  }
  Time blocked_until() const { return pause_until_; }
  std::size_t running() const { return running_; }
  std::size_t window() const { return window_; }
  std::size_t waiting() const { return ready_.size() + later_.size(); }

 private:
  struct Later {
    Time due;
    spool::MessageId id;
    bool for_hop = false;
    friend bool operator>(const Later& a, const Later& b) { return a.due > b.due; }
  };

  bool may_start(Time now) const;
  bool has_token(Time now) const;
  void take_token(Time now);
  void wake_up(Time now);
  void promote();
  void make_ready(spool::MessageId id);
  void recover();
  void forget(spool::MessageId id);
  std::vector<spool::MessageId> take_later(std::span<const spool::MessageId> ids);

  std::string name_;
  LanePolicy policy_;
  std::size_t window_ = kFirstWindow;
  std::size_t running_ = 0;
  unsigned failures_ = 0;        ///< dead, in a row
  unsigned slow_ = 0;            ///< slow, in a row
  Time pause_until_{};           ///< nothing starts before
  Time next_token_{};            ///< of the rate
  spool::MessageId last_tried_;  ///< by next()
  Time warned_up_to_{};          ///< due_for_warning() has given what was born before
  std::set<spool::MessageId> ready_;
  std::set<spool::MessageId> early_;  ///< those that may start before they are due
  /// Of ready_: those of try_beside().
  std::set<spool::MessageId> beside_;
  bool beside_runs_ = false;  ///< one of them; not in running_
  std::priority_queue<Later, std::vector<Later>, std::greater<>> later_;
};

}  // namespace postern::queue
