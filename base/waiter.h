// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <boost/asio/post.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace postern {

/// A coroutine that waits for an answer which another thread will give, for so long and no longer.
/// Lives in the coroutine's frame; made and used on the one thread that runs `io`. Only the timer
/// knows the coroutine: when the io_context goes down the frame goes with it, and who gives an
/// answer then gives it to nobody.
template <class Answer>
class Waiter {
 public:
  /// Where the answer is put; shared with whoever will give it.
  struct Slot {
    explicit Slot(net::Executor executor) : io(executor) {}

    std::mutex mutex;
    const net::Executor io;
    net::Timer* timer = nullptr;  ///< null: nobody waits any more
    std::optional<Answer> answer;
  };
  using SlotPtr = std::shared_ptr<Slot>;

  explicit Waiter(net::Executor io) : timer_(io), slot_(std::make_shared<Slot>(io)) {
    slot_->timer = &timer_;
  }
  ~Waiter() {
    const std::lock_guard lock(slot_->mutex);
    slot_->timer = nullptr;
  }
  Waiter(Waiter&&) = delete;

  const SlotPtr& slot() const { return slot_; }

  /// nullopt: the time was up, or the wait was cancelled.
  net::Awaitable<std::optional<Answer>> wait(std::chrono::milliseconds limit) {
    timer_.expires_after(limit);
    bool is_there = false;
    {
      const std::lock_guard lock(slot_->mutex);
      is_there = slot_->answer.has_value();
    }
    // What is given from here on cancels the timer by a post, which runs when this has suspended.
    if (!is_there) {
      [[maybe_unused]] const auto ended = co_await timer_.async_wait(net::as_result);
    }
    const std::lock_guard lock(slot_->mutex);
    co_return std::exchange(slot_->answer, std::nullopt);
  }

  /// Any thread; the first answer counts.
  static void give(const SlotPtr& slot, Answer answer) {
    // Posted under the lock: the waiter's destructor waits for it, and so does its io_context,
    // whose end destroys the waiter.
    const std::lock_guard lock(slot->mutex);
    if (slot->timer == nullptr || slot->answer) return;
    slot->answer = std::move(answer);
    net::asio::post(slot->io, [slot] {
      const std::lock_guard inner(slot->mutex);
      if (slot->timer != nullptr) slot->timer->cancel();
    });
  }

 private:
  net::Timer timer_;
  SlotPtr slot_;
};

}  // namespace postern
