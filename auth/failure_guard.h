// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace postern::auth {

/// So many in so long: "10 in 10m".
struct Rate {
  std::uint32_t count = 0;
  std::chrono::seconds window{0};
  friend bool operator==(const Rate&, const Rate&) = default;
};

using GuardClock = std::chrono::steady_clock;

/// Events by key over a sliding window, which is told from this window's count and the one before
/// it: a few octets a key. Bounded: the key that nobody has counted for longest goes. One thread.
class WindowCounter {
 public:
  explicit WindowCounter(std::size_t most_keys) : most_keys_(most_keys) {}

  /// Events of the last window, rounded up.
  std::uint32_t count(const std::string& key, std::chrono::seconds window, GuardClock::time_point);
  void add(const std::string& key, std::chrono::seconds window, GuardClock::time_point now);
  /// The last one was none.
  void take_back(const std::string& key);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    GuardClock::time_point since;  ///< begin of this window
    std::uint32_t now = 0;
    std::uint32_t before = 0;
  };
  using Order = std::list<Entry>;

  static void move_on(Entry& entry, std::chrono::seconds window, GuardClock::time_point now);

  const std::size_t most_keys_;
  Order order_;  ///< the one counted last is first
  std::unordered_map<std::string_view, Order::iterator> entries_;
};

/// How guessing is bounded.
struct GuardLimits {
  Rate per_client{10, std::chrono::minutes(10)};
  Rate per_account{30, std::chrono::minutes(10)};
};

/// Counts failed logins by client (an IPv4 address, or the /64 of an IPv6 one) and by account, of
/// all sessions. An attempt counts from its begin, so that many at once get no further than one
/// after the other; a success takes it back. Thread-safe; bounded.
///
/// A client from which an account has logged in before does not feel the account's limit: who
/// guesses at an account from elsewhere cannot lock its owner out.
class FailureGuard {
 public:
  enum class Verdict : std::uint8_t { go, client_is_over, account_is_over };

  /// May this client try at all? Counts nothing.
  Verdict ask(const IpAddress& client, const GuardLimits& limits, GuardClock::time_point now);
  /// `go`: it is counted, and succeeded(), unknown() or failed() follows.
  Verdict begin(const IpAddress& client,
                std::string_view account,
                const GuardLimits& limits,
                GuardClock::time_point now);
  /// `exists`: kept as a client of the account's from now on.
  void succeeded(const IpAddress& client, std::string_view account);
  /// Nobody could tell: it counts for nothing.
  void unknown(const IpAddress& client, std::string_view account);
  /// The client's failures of the last window; the attempt is counted already.
  std::uint32_t failures(const IpAddress& client,
                         const GuardLimits& limits,
                         GuardClock::time_point now);

  static constexpr std::size_t kMostKeys = 50'000;
  static constexpr std::size_t kMostClientsOfAnAccount = 16;

 private:
  bool is_client_of(const std::string& client, const std::string& account) const;

  mutable std::mutex mutex_;
  WindowCounter clients_{kMostKeys};
  WindowCounter accounts_{kMostKeys};
  /// Accounts exist: their number bounds this.
  std::unordered_map<std::string, std::deque<std::string>> known_;
};

}  // namespace postern::auth
