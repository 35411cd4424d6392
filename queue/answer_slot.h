// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "routing/directory.h"

#include <functional>
#include <memory>
#include <mutex>

namespace postern::queue {

/// A look-up that waits on its own loop for an answer from another thread. Lives in the coroutine
/// that waits, on that loop's thread; when it is gone, an answer that comes late goes nowhere.
class AnswerSlot {
 public:
  explicit AnswerSlot(net::Executor executor);
  ~AnswerSlot();
  AnswerSlot(AnswerSlot&&) = delete;

  /// Gives the answer, once; any thread, also when the slot is gone. When the last copy goes
  /// without having been called, the answer is "unavailable: closed": no look-up waits for ever.
  std::function<void(routing::DirectoryAnswer)> giver() const;
  /// Ends when the answer is there. Called once.
  net::Awaitable<routing::DirectoryAnswer> wait();

 private:
  struct Link;
  class Promise;
  net::Executor executor_;
  net::Timer arrived_;  ///< never runs out: cancelled when the answer is there
  routing::DirectoryAnswer answer_;
  std::shared_ptr<Link> link_;
};

}  // namespace postern::queue
