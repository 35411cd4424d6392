// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "routing/directory.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

namespace postern::routing {

/// A coroutine that waits for an answer which another thread will give, for so long and no longer.
/// Lives in the coroutine's frame; made and used on the one thread that runs `io`. Only the timer
/// knows the coroutine: when the io_context goes down the frame goes with it, and who gives an
/// answer then gives it to nobody.
class AnswerWaiter {
 public:
  /// Where the answer is put; shared with whoever will give it.
  struct Slot {
    explicit Slot(net::Executor executor) : io(executor) {}

    std::mutex mutex;
    const net::Executor io;
    net::Timer* timer = nullptr;  ///< null: nobody waits any more
    std::optional<DirectoryAnswer> answer;
  };

  explicit AnswerWaiter(net::Executor io);
  ~AnswerWaiter();
  AnswerWaiter(AnswerWaiter&&) = delete;

  const std::shared_ptr<Slot>& slot() const { return slot_; }
  /// nullopt: the time was up, or the wait was cancelled.
  net::Awaitable<std::optional<DirectoryAnswer>> wait(std::chrono::milliseconds limit);

 private:
  net::Timer timer_;
  std::shared_ptr<Slot> slot_;
};

/// Any thread; the first answer counts.
void give(const std::shared_ptr<AnswerWaiter::Slot>& slot, const DirectoryAnswer& answer);

}  // namespace postern::routing
