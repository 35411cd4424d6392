// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/worker.h"

#include <algorithm>
#include <utility>

// The open loop: letters that are due, and sessions that take them.

namespace postern::load {

/// No letter is due any more, however long one waits.
bool Worker::exhausted() const {
  return stopping_ || arrivals_->due() >= times_.end ||
         (uncounted_left_ == 0 && counted_left_ == 0);
}

/// Takes a letter off the schedule; false: those that count are all taken.
bool Worker::count_letter(net::TimePoint due, Letter& letter) {
  letter.due = due;
  if (uncounted_left_ > 0) {
    --uncounted_left_;
    letter.counted = false;
    return true;
  }
  letter.counted = due >= times_.counted;
  if (!letter.counted) return true;
  if (counted_left_ == 0) return false;
  --counted_left_;
  return true;
}

std::optional<Letter> Worker::next_due(net::TimePoint now) {
  if (exhausted() || arrivals_->due() > now) return std::nullopt;
  // A server that is too slow does not hold the run up for ever.
  if (times_.end != net::TimePoint::max() && now > times_.end + plan_.options.timeout) {
    return std::nullopt;
  }
  Letter letter;
  if (!count_letter(arrivals_->due(), letter)) return std::nullopt;
  arrivals_->pop();
  fill_in(letter);
  return letter;
}

net::Awaitable<void> Worker::dispatch() {
  net::Timer timer(context_.get_executor());
  const std::size_t most = share(plan_.options.max_sessions, part_, plan_.options.threads);
  dispatcher_ = &timer;
  while (!exhausted()) {
    const net::TimePoint now = net::Clock::now();
    const bool is_free = !asleep_.empty() || senders_ < most;
    if (is_free && arrivals_->due() <= now) {
      std::optional<Letter> letter = next_due(now);
      if (!letter) break;
      if (asleep_.empty()) {
        spawn_open(*letter);
      } else {
        Sleeper* const sleeper = asleep_.back();
        asleep_.pop_back();
        sleeper->letter = letter;
        sleeper->timer.cancel();
      }
      continue;
    }
    // All sessions are at work: the first that finds nothing due any more wakes this one.
    timer.expires_at(is_free ? arrivals_->due() : net::TimePoint::max());
    [[maybe_unused]] const auto waited = co_await timer.async_wait(net::as_result);
  }
  dispatcher_ = nullptr;
  for (Sleeper* sleeper : asleep_)
    sleeper->timer.cancel();
  session_ended();
}

void Worker::spawn_open(Letter letter) {
  ++senders_;
  ++active_;
  start(open_session(letter));
}

net::Awaitable<void> Worker::open_session(Letter first) {
  std::unique_ptr<Link> link;
  Sleeper sleeper(context_.get_executor());
  sleeper.letter = first;
  while (sleeper.letter) {
    const Letter letter = *std::exchange(sleeper.letter, std::nullopt);
    co_await deliver(link, letter);
    sleeper.letter = next_due(net::Clock::now());
    if (sleeper.letter) continue;
    // It may wait for a session that is free, or for the end of what was due.
    if (dispatcher_ != nullptr) dispatcher_->cancel();
    if (dispatcher_ == nullptr || exhausted()) continue;
    asleep_.push_back(&sleeper);
    sleeper.timer.expires_at(net::TimePoint::max());
    [[maybe_unused]] const auto waited = co_await sleeper.timer.async_wait(net::as_result);
    if (!sleeper.letter) std::erase(asleep_, &sleeper);
  }
  --senders_;
  if (link) {
    common_.open.fetch_sub(1, std::memory_order_relaxed);
    co_await link->quit();
  }
  session_ended();
}

/// What was due, and no session was free to send until the run ended by itself: when it is stopped,
/// what falls due meanwhile is nobody's failure.
void Worker::count_unsent() {
  if (!arrivals_ || stopping_) return;
  const net::TimePoint now = std::min(net::Clock::now(), times_.end);
  Failure failure{Failure::Kind::unsent, smtp::ClientStep::connect};
  failure.detail = "due, and no session was free: --max-sessions, or the server is too slow";
  std::uint64_t unsent = 0;
  while (arrivals_->due() < now && (uncounted_left_ > 0 || counted_left_ > 0)) {
    Letter letter;
    if (!count_letter(arrivals_->due(), letter)) break;
    arrivals_->pop();
    if (letter.counted) ++unsent;
  }
  figures_.unsent += unsent;
  if (unsent > 0) figures_.errors.add(failure, unsent);
}

}  // namespace postern::load
