// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/bounded_map.h"
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
/// all sessions. Attempts under way count too, apart from failures: at most as many are unproved at
/// a time as failures are left, so that many at once get no further than one after the other, and
/// who logs in rightly many times at once has failed at nothing. Thread-safe; bounded, and what is
/// under way by its sessions.
///
/// A client from which an account has logged in before does not feel the account's limit: who
/// guesses at an account from elsewhere cannot lock its owner out.
///
/// Accounts are counted by the name that the store gives them, where it has told: several spellings
/// of one are no way round its limit.
class FailureGuard {
 public:
  enum class Verdict : std::uint8_t {
    go,
    client_is_over,
    account_is_over,
    is_busy,  ///< as many attempts are under way as may fail: later
  };

  /// One attempt of begin(); ends with failed(), succeeded() or unknown(), and as failed where
  /// nobody says how.
  class Attempt {
   public:
    Attempt() = default;
    Attempt(Attempt&& other) noexcept { *this = std::move(other); }
    Attempt& operator=(Attempt&& other) noexcept;
    ~Attempt() { failed(); }

    explicit operator bool() const { return guard_ != nullptr; }
    /// `canonical`: the store's name of the account; empty: it has told none. A success makes the
    /// client one of the account's.
    void succeeded(std::string_view canonical);
    void failed(std::string_view canonical = {});
    /// Nobody could tell: it counts for nothing.
    void unknown();

   private:
    friend class FailureGuard;
    FailureGuard* guard_ = nullptr;  ///< null: none, or it has ended
    std::string client_;
    std::string name_;     ///< as account_key() has the client's spelling
    std::string account_;  ///< what counted
    GuardLimits limits_;
  };

  /// `now`: for tests.
  explicit FailureGuard(GuardClock::time_point (*now)() = GuardClock::now) : now_(now) {}

  /// May this client try at all? Counts nothing.
  Verdict ask(const IpAddress& client, const GuardLimits& limits);
  /// `go`: `out` is under way. The guard outlives it.
  Verdict begin(const IpAddress& client,
                std::string_view account,
                const GuardLimits& limits,
                Attempt& out);
  /// The client's failures of the last window.
  std::uint32_t failures(const IpAddress& client, const GuardLimits& limits);

  static constexpr std::size_t kMostKeys = 50'000;
  static constexpr std::size_t kMostClientsOfAnAccount = 16;

 private:
  using Pending = std::unordered_map<std::string, std::uint32_t>;
  enum class Outcome : std::uint8_t { right, wrong, unknown };

  bool is_client_of(const std::string& client, const std::string& account) const;
  void end(Attempt& attempt, Outcome outcome, std::string_view canonical);
  void keep(const std::string& client, const std::string& account);

  GuardClock::time_point (*const now_)();
  mutable std::mutex mutex_;
  WindowCounter clients_{kMostKeys};
  WindowCounter accounts_{kMostKeys};
  Pending pending_clients_;
  Pending pending_accounts_;
  BoundedMap<std::deque<std::string>> known_{kMostKeys};  ///< clients by account
  BoundedMap<std::string> canonical_{kMostKeys};          ///< names that are another's spelling
};

}  // namespace postern::auth
