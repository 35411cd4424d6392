// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>

namespace postern::directories {

/// Whether a server is worth asking. A few questions in a row that took long and brought nothing
/// open it: then nobody is made to wait for a server that is gone, and one question probes it
/// behind pauses that double. Failures that come quickly hold nobody up and do not open it: one
/// odd address must not shut the directory for everybody. Thread-safe.
class Breaker {
 public:
  using Clock = std::chrono::steady_clock;
  struct Options {
    unsigned failures = 3;  ///< in a row
    std::chrono::milliseconds first_pause{1000};
    std::chrono::milliseconds longest_pause{30'000};
    std::function<Clock::time_point()> now = Clock::now;
  };

  explicit Breaker(Options options) : options_(std::move(options)) {}

  /// True: asking makes no sense at this moment. Cheap.
  bool is_open() const;
  /// Whether this question may go out; while it is open, one may behind each pause.
  bool admit();
  void succeeded();
  /// `slow`: it took long enough to hold somebody up.
  void failed(bool slow);
  /// Until the next probe; zero: closed, or it is due.
  std::chrono::milliseconds pause() const;

 private:
  static constexpr std::int64_t kClosed = 0;

  std::int64_t now() const;
  void open();

  const Options options_;
  std::atomic<std::int64_t> until_{kClosed};  ///< nanoseconds of `now`; kClosed: closed
  std::mutex mutex_;                          ///< of what follows
  unsigned in_a_row_ = 0;
  std::chrono::milliseconds pause_{0};
  bool probing_ = false;
};

}  // namespace postern::directories
