// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace postern::tls {

/// The keys of session tickets (RFC 5077, RFC 8446 section 4.6.1), made here and known to nobody
/// else. A new one is made each `period`; tickets of the one before are still read, so that a
/// ticket is good for one period at least and two at most. Shared by the contexts of all workers
/// and of all configs that follow each other, so that a reload ends no client's session. Any
/// thread.
class TicketKeys {
 public:
  struct Options {
    std::chrono::seconds period = std::chrono::hours(12);
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  };
  using Name = std::array<unsigned char, 16>;
  struct Key {
    Name name{};  ///< goes with the ticket in plain
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
  };
  struct Found {
    Key key;
    bool is_current = true;
  };

  TicketKeys() : TicketKeys(Options()) {}
  explicit TicketKeys(Options options) : options_(std::move(options)) {}
  ~TicketKeys();
  TicketKeys(TicketKeys&&) = delete;

  /// Those that this process's listeners use.
  static std::shared_ptr<TicketKeys> of_process();

  /// What tickets are made with now; nullopt: there are no random numbers.
  std::optional<Key> current();
  /// nullopt: a key that is not ours, or too old.
  std::optional<Found> find(std::span<const unsigned char, 16> name);
  std::chrono::seconds period() const { return options_.period; }

 private:
  bool rotate();

  const Options options_;
  std::mutex mutex_;  ///< held for a copy of one key
  std::optional<Key> current_;
  std::optional<Key> previous_;
  std::chrono::steady_clock::time_point made_at_;
};

}  // namespace postern::tls
