// SPDX-License-Identifier: Apache-2.0
#include "routing/answer_waiter.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace postern::routing {

AnswerWaiter::AnswerWaiter(net::Executor io) : timer_(io), slot_(std::make_shared<Slot>(io)) {
  slot_->timer = &timer_;
}

AnswerWaiter::~AnswerWaiter() {
  const std::lock_guard lock(slot_->mutex);
  slot_->timer = nullptr;
}

net::Awaitable<std::optional<DirectoryAnswer>> AnswerWaiter::wait(std::chrono::milliseconds limit) {
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

void give(const std::shared_ptr<AnswerWaiter::Slot>& slot, const DirectoryAnswer& answer) {
  // Posted under the lock: the waiter's destructor waits for it, and so does its io_context, whose
  // end destroys the waiter.
  const std::lock_guard lock(slot->mutex);
  if (slot->timer == nullptr || slot->answer) return;
  slot->answer = answer;
  net::asio::post(slot->io, [slot] {
    const std::lock_guard inner(slot->mutex);
    if (slot->timer != nullptr) slot->timer->cancel();
  });
}

}  // namespace postern::routing
