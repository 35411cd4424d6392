// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "mailtools/load/arrivals.h"
#include "mailtools/load/figures.h"
#include "mailtools/load/link.h"
#include "mailtools/load/plan.h"
#include "tls/session_cache.h"

#include <boost/asio/executor_work_guard.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace postern::load {

/// When a run begins, when letters begin to count, and when none is due any more (max(): only their
/// number ends it).
struct Times {
  net::TimePoint start;
  net::TimePoint counted;
  net::TimePoint end;
};

/// What the threads of a run share and change. Any thread.
struct Common {
  explicit Common(const std::vector<net::asio::ip::address>& addresses) : sources(addresses) {}
  Sources sources;
  std::atomic<std::uint64_t> numbers{0};  ///< letters begun, those of slow sessions too
  std::atomic<std::uint64_t> begun{0};    ///< closed loop: letters begun, slow sessions' apart
  std::atomic<std::uint64_t> counted{0};  ///< closed loop: those of them that count
  std::atomic<std::uint64_t> idle{0};     ///< idle sessions begun
  std::atomic<std::uint64_t> users{0};    ///< recipients so far
  // For the progress, and nothing else.
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> held{0};  ///< idle and slow sessions
};

/// One thread that sends: its event loop, its connections, and what it has counted.
class Worker {
 public:
  /// `plan` and `common` outlive it. `on_held`: idle and slow sessions stand, or were given up;
  /// `on_done`: the last letter has been answered. Each is called once, on this thread.
  Worker(const Plan& plan,
         Common& common,
         std::size_t part,
         std::function<void()> on_held,
         std::function<void()> on_done);
  ~Worker();
  Worker(Worker&&) = delete;

  /// Begins with the idle and slow sessions. Any thread, once.
  void hold();
  /// Begins to send. Any thread, once, behind on_held.
  void begin(Times times);
  /// No letter begins any more; on_done when those under way are answered. Any thread.
  void stop();
  /// Ends the loop, finished or not, and joins the thread; letters under way are interrupted.
  void stop_and_join();
  // Behind stop_and_join():
  const Figures& figures() const { return figures_; }
  /// What this thread has spent between begin() and the last answer.
  std::chrono::nanoseconds cpu() const { return cpu_; }

 private:
  /// A session of the open loop that has nothing to do, in its coroutine's frame.
  struct Sleeper {
    explicit Sleeper(net::Executor executor) : timer(executor) {}
    net::Timer timer;
    std::optional<Letter> letter;
  };

  void run();
  net::Awaitable<void> hold_some();
  net::Awaitable<void> hold_idle(std::unique_ptr<Link> link);
  net::Awaitable<void> hold_slow(std::unique_ptr<Link> link, Letter letter);
  net::Awaitable<void> closed_session();
  net::Awaitable<void> dispatch();
  net::Awaitable<void> open_session(Letter first);
  net::Awaitable<bool> deliver(std::unique_ptr<Link>& link, Letter letter);

  void start(net::Awaitable<void> what);
  void spawn_open(Letter letter);
  void session_ended();
  void hold_failed(std::size_t sessions);
  void hold_ended();
  void count_unsent();
  void settle(const Letter& letter, const Sent& sent);
  bool count_letter(net::TimePoint due, Letter& letter);
  std::optional<Letter> next_closed();
  std::optional<Letter> next_due(net::TimePoint now);
  bool exhausted() const;
  void fill_in(Letter& letter);
  std::unique_ptr<Link> make_link(Figures& figures);
  const std::string& date();

  const Plan& plan_;
  Common& common_;
  const std::size_t part_;
  const std::function<void()> on_held_;
  const std::function<void()> on_done_;
  Figures figures_;
  Figures held_figures_;  ///< of idle and slow sessions
  Times times_;
  std::optional<Arrivals> arrivals_;
  std::uint64_t uncounted_left_ = 0;  ///< open loop: letters of the warm-up still to come
  std::uint64_t counted_left_ = 0;    ///< open loop: letters that count still to come
  std::shared_ptr<tls::SessionCache> sessions_;
  std::string date_;
  net::TimePoint date_until_{};
  bool stopping_ = false;
  std::size_t active_ = 0;     ///< sessions that send, and the dispatcher
  std::size_t senders_ = 0;    ///< sessions of the open loop
  std::size_t to_hold_ = 0;    ///< idle and slow sessions that were not begun yet
  std::size_t idle_left_ = 0;  ///< how many of these are idle ones
  std::size_t openers_ = 0;
  std::size_t refused_holds_ = 0;  ///< in a row
  std::vector<Sleeper*> asleep_;
  net::Timer* dispatcher_ = nullptr;
  std::chrono::nanoseconds cpu_at_begin_{0};
  std::chrono::nanoseconds cpu_{0};
  bool done_ = false;
  // Destroyed first: what is still under way uses the members above.
  net::IoContext context_{1};
  net::asio::executor_work_guard<net::Executor> work_;
  std::thread thread_;
};

}  // namespace postern::load
