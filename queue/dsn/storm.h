// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postern::dsn {

/// Damps storms of reports: a mailbox whose address is forged on a million messages gets a few
/// bounces, not a million. A token bucket for each sender: `per_minute` reports at once, then one
/// every 60 s / per_minute; 0 lets none through. Senders are told apart without case.
///
/// The table is bounded: when it is full of senders that still have reports to make up for, all
/// further ones share one bucket, so that at most (most_senders + 1) buckets are ever filled.
///
/// One for all workers, since a limit that each had its share of would be smaller for senders whose
/// mail is with one of them. Any thread.
class StormGuard {
 public:
  using Clock = std::chrono::steady_clock;

  explicit StormGuard(unsigned per_minute, std::size_t most_senders = 10'000);

  /// A reload's: what was let through before counts by the new limit.
  void set_per_minute(unsigned per_minute);

  /// Whether a report to `sender` may go out now; if not, it is counted. `now` never goes back.
  bool admit(std::string_view sender, Clock::time_point now);

  /// Reports to one sender that were not sent. An empty sender: those of the shared bucket, and of
  /// senders that the table has forgotten.
  struct HeldBack {
    std::string sender;
    std::uint64_t reports = 0;
    friend bool operator==(const HeldBack&, const HeldBack&) = default;
  };
  /// What was held back since the last time that this gave something, for the log; in no order.
  /// Nothing within 10 s of that: a storm is not to be one of log lines too.
  std::vector<HeldBack> take_held_back(Clock::time_point now);

  std::size_t senders() const;

 private:
  struct Bucket {
    Clock::time_point full_at;  ///< when all its tokens are back
    std::uint64_t held_back = 0;
  };

  Bucket& bucket_of(std::string_view sender, Clock::time_point now);
  /// Forgets senders whose buckets are full, at most once a second: it walks the table.
  void sweep(Clock::time_point now);

  mutable std::mutex mutex_;  ///< of everything below; reports are rare
  unsigned per_minute_ = 0;
  std::size_t most_senders_;
  Clock::duration interval_{};  ///< from one token to the next
  std::unordered_map<std::string, Bucket> buckets_;
  Bucket shared_;
  Clock::time_point next_sweep_ = Clock::time_point::min();
  Clock::time_point next_telling_ = Clock::time_point::min();
};

}  // namespace postern::dsn
