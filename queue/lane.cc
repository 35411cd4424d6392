// SPDX-License-Identifier: Apache-2.0
#include "queue/lane.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace postern::queue {
namespace {

using std::chrono::microseconds;

/// A hop that is busy is left alone for a moment, not for a minute.
constexpr std::chrono::seconds kSlowPause{1};
constexpr std::chrono::seconds kLongestSlowPause{30};
constexpr double kJitter = 0.15;

}  // namespace

microseconds RetryPolicy::pause(unsigned failures, double random) const {
  const unsigned doublings = std::min(failures > 0 ? failures - 1 : 0U, 30U);
  const double whole =
      std::min(std::ldexp(static_cast<double>(first.count()), static_cast<int>(doublings)),
               static_cast<double>(max.count()));
  const double moved = whole * (1.0 - kJitter + 2 * kJitter * random);
  return microseconds(static_cast<std::int64_t>(moved * 1e6));
}

Lane::Lane(std::string name, LanePolicy policy) : name_(std::move(name)), policy_(policy) {
  set_policy(policy);
}

void Lane::set_policy(const LanePolicy& policy) {
  policy_ = policy;
  policy_.connections = std::max<std::size_t>(policy_.connections, 1);
  window_ = std::min(window_, policy_.connections);
}

void Lane::add(spool::MessageId id, Time due, bool for_hop) {
  if (due <= pause_until_ || due == Time()) {
    ready_.insert(id);
  } else {
    later_.push({due, id, for_hop});
  }
}

bool Lane::has_token(Time now) const {
  return policy_.messages_per_minute == 0 || now >= next_token_;
}

void Lane::take_token(Time now) {
  if (policy_.messages_per_minute == 0) return;
  const microseconds each = microseconds(std::chrono::minutes(1)) / policy_.messages_per_minute;
  next_token_ = std::max(now, next_token_) + each;
}

bool Lane::may_start(Time now) const {
  if (now < pause_until_ || !has_token(now)) return false;
  // A broken circuit: one at a time finds out.
  const std::size_t most = is_broken() ? 1 : window_;
  return running_ < most;
}

bool Lane::try_start(Time now) {
  wake_up(now);
  if (!ready_.empty() || failures_ > 0 || !may_start(now)) return false;
  take_token(now);
  ++running_;
  return true;
}

void Lane::wake_up(Time now) {
  while (!later_.empty() && later_.top().due <= now) {
    ready_.insert(later_.top().id);
    later_.pop();
  }
}

std::optional<spool::MessageId> Lane::next(Time now) {
  wake_up(now);
  if (ready_.empty() || !may_start(now)) return std::nullopt;
  auto chosen = ready_.begin();
  if (!early_.empty()) {
    chosen = ready_.find(*early_.begin());
  } else if (failures_ > 0 || slow_ > 0) {
    chosen = ready_.upper_bound(last_tried_);
  }
  if (chosen == ready_.end()) chosen = ready_.begin();
  last_tried_ = *chosen;
  beside_.erase(*chosen);
  ready_.erase(chosen);
  take_token(now);
  ++running_;
  return last_tried_;
}

void Lane::finished(LaneOutcome outcome, Time now, double random) {
  --running_;
  switch (outcome) {
    case LaneOutcome::nothing:
      return;
    case LaneOutcome::success:
      recover();
      return;
    case LaneOutcome::slow: {
      // Those that were under way together tell the same thing once.
      if (now < pause_until_) return;
      window_ = std::max<std::size_t>(window_ / 2, 1);
      const unsigned doublings = std::min(slow_++, 5U);
      pause_until_ = now + std::min(kSlowPause * (1U << doublings), kLongestSlowPause);
      return;
    }
    case LaneOutcome::dead:
      if (now < pause_until_) return;
      window_ = std::max<std::size_t>(window_ / 2, 1);
      if (++failures_ >= kTrips) {
        pause_until_ = now + policy_.retry.pause(failures_ - kTrips + 1, random);
      }
      return;
  }
}

void Lane::recover() {
  if (std::exchange(failures_, 0) >= kTrips) promote();
  slow_ = 0;
  pause_until_ = {};
  window_ = std::min(window_ + 1, policy_.connections);
}

void Lane::make_ready(spool::MessageId id) {
  ready_.insert(id);
  early_.insert(id);
}

/// The hop is back: who waited for it alone goes now.
void Lane::promote() {
  std::vector<Later> kept;
  for (; !later_.empty(); later_.pop()) {
    if (later_.top().for_hop) {
      make_ready(later_.top().id);
    } else {
      kept.push_back(later_.top());
    }
  }
  later_ = decltype(later_)(std::greater<>(), std::move(kept));
}

bool Lane::hop_answers() {
  if (failures_ == 0) return false;
  if (!is_broken()) {
    promote();
    return true;
  }
  pause_until_ = {};
  if (!ready_.empty() || running_ > 0) return true;
  // The probe of the circuit is a message: the first of those that wait for the hop.
  std::vector<Later> kept;
  for (; !later_.empty(); later_.pop()) {
    if (later_.top().for_hop && ready_.empty()) {
      make_ready(later_.top().id);
    } else {
      kept.push_back(later_.top());
    }
  }
  later_ = decltype(later_)(std::greater<>(), std::move(kept));
  return true;
}

Lane::Time Lane::wake() const {
  Time at = Time::max();
  if (!later_.empty()) at = later_.top().due;
  if (!ready_.empty()) at = std::min(at, Time());
  if (at == Time::max()) return at;
  if (is_broken() && !beside_.empty() && !beside_runs_) {
    return policy_.messages_per_minute == 0 ? Time() : next_token_;
  }
  const std::size_t most = is_broken() ? 1 : window_;
  if (running_ >= most) return Time::max();
  at = std::max(at, pause_until_);
  return policy_.messages_per_minute == 0 ? at : std::max(at, next_token_);
}

std::vector<spool::MessageId> Lane::ready_after(spool::MessageId last, std::size_t most) const {
  std::vector<spool::MessageId> out;
  for (auto at = ready_.upper_bound(last); out.size() < most && at != ready_.end(); ++at)
    out.push_back(*at);
  return out;
}

std::vector<spool::MessageId> Lane::take_expired(Time now, std::size_t most) {
  std::vector<spool::MessageId> out;
  while (out.size() < most && !ready_.empty() &&
         ready_.begin()->born() + policy_.retry.lifetime <= now) {
    out.push_back(*ready_.begin());
    forget(out.back());
  }
  return out;
}

std::vector<spool::MessageId> Lane::due_for_warning(Time now, std::size_t most) {
  std::vector<spool::MessageId> out;
  if (policy_.retry.warn_after.count() == 0) return out;
  const Time until = now - policy_.retry.warn_after;
  auto at = ready_.lower_bound(spool::MessageId::first_at(warned_up_to_));
  for (; out.size() < most && at != ready_.end() && at->born() <= until; ++at) {
    out.push_back(*at);
    warned_up_to_ = at->born() + microseconds(1);
  }
  return out;
}

}  // namespace postern::queue
