// SPDX-License-Identifier: Apache-2.0
#include "queue/answer_slot.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace postern::queue {

/// What both threads hold.
struct AnswerSlot::Link {
  std::mutex mutex;
  AnswerSlot* slot = nullptr;  ///< under the mutex; set to null by the slot's own thread only
};

AnswerSlot::AnswerSlot(net::Executor executor)
    : executor_(executor),
      arrived_(executor, net::TimePoint::max()),
      link_(std::make_shared<Link>()) {
  link_->slot = this;
}

AnswerSlot::~AnswerSlot() {
  const std::lock_guard lock(link_->mutex);
  link_->slot = nullptr;
}

/// The other thread's half.
class AnswerSlot::Promise {
 public:
  explicit Promise(std::shared_ptr<Link> link) : link_(std::move(link)) {}
  ~Promise() {  // NOLINT(bugprone-exception-escape): only for want of memory, which ends us anyway
    give({routing::Presence::unavailable, "the directory was closed"});
  }
  Promise(Promise&&) = delete;

  void give(routing::DirectoryAnswer answer) {
    const std::shared_ptr<Link> link = std::exchange(link_, nullptr);
    if (!link) return;
    // While the slot is there, so is its loop: it cannot end before this lock is given back.
    const std::lock_guard lock(link->mutex);
    if (link->slot == nullptr) return;
    net::asio::post(link->slot->executor_, [link, given = std::move(answer)]() mutable {
      AnswerSlot* const slot = link->slot;
      if (slot == nullptr) return;
      slot->answer_ = std::move(given);
      slot->arrived_.cancel();
    });
  }

 private:
  std::shared_ptr<Link> link_;
};

std::function<void(routing::DirectoryAnswer)> AnswerSlot::giver() const {
  return [promise = std::make_shared<Promise>(link_)](routing::DirectoryAnswer answer) {
    promise->give(std::move(answer));
  };
}

net::Awaitable<routing::DirectoryAnswer> AnswerSlot::wait() {
  co_await arrived_.async_wait(net::as_result);
  co_return std::move(answer_);
}

}  // namespace postern::queue
