// SPDX-License-Identifier: Apache-2.0
#include "auth/pool_check.h"

#include "auth/scram_keys.h"
#include "base/waiter.h"

#include <boost/asio/this_coro.hpp>

#include <atomic>
#include <utility>

namespace postern::auth {
namespace {

/// What a session and a thread of the pool share.
struct Question {
  enum class State : std::uint8_t {
    waits,     ///< for a thread
    begun,     ///< the thread's
    answered,  ///< `checked` is there, for the session
    left,      ///< nobody waits: dropped, or the thread's to its end
  };
  /// Moves on if it is still there.
  bool move(State from, State to) { return state.compare_exchange_strong(from, to); }

  std::atomic<State> state{State::waits};
  Checked checked{PasswordVerdict::unavailable};
};
using State = Question::State;

/// The session's end of it. However its coroutine ends, nothing more is asked for it.
class Asked {
 public:
  ~Asked() { leave(); }
  Asked() = default;
  Asked(Asked&&) = delete;

  /// True: the thread has begun and has no answer yet.
  bool leave() {
    return !question->move(State::waits, State::left) && question->move(State::begun, State::left);
  }
  const std::shared_ptr<Question> question = std::make_shared<Question>();
};

}  // namespace

net::Awaitable<PoolCheck> check_in_pool(CheckPool& pool,
                                        std::shared_ptr<const PasswordSource> source,
                                        Login login,
                                        std::chrono::milliseconds limit,
                                        LateVerdict late) {
  const net::Executor io = co_await net::asio::this_coro::executor;
  Waiter<bool> waiter(io);
  Asked mine;
  const bool taken = pool.submit([slot = waiter.slot(),
                                  question = mine.question,
                                  source = std::move(source),
                                  asked = std::move(login),
                                  late = std::move(late)]() mutable {
    if (!question->move(State::waits, State::begun)) return wipe(asked.password);
    question->checked = source->check(asked);
    wipe(asked.password);
    if (question->move(State::begun, State::answered)) {
      Waiter<bool>::give(slot, true);
    } else {
      late(question->checked);
    }
  });
  PoolCheck out{PasswordVerdict::unavailable};
  if (!taken) co_return out;
  [[maybe_unused]] const auto told = co_await waiter.wait(limit);
  out.is_late = mine.leave();
  if (mine.question->state == State::answered) out.checked = mine.question->checked;
  co_return out;
}

}  // namespace postern::auth
