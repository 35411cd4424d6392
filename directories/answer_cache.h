// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "directories/config.h"
#include "routing/directory.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postern::directories {

/// Answers by address, for as long as the config says. Bounded: a new answer takes the place of one
/// that nobody has asked for lately (clock), so that a flood of invented addresses does not drive
/// out those in use. In shards with a lock each, held for a hash look-up. Any thread.
class AnswerCache {
 public:
  using Clock = std::chrono::steady_clock;
  using Now = std::function<Clock::time_point()>;

  struct Found {
    routing::Presence presence = routing::Presence::unavailable;
    std::string evidence;  ///< as it was put
    std::chrono::seconds age{0};
    bool is_fresh = false;  ///< else it counts only where the server cannot be asked
  };

  explicit AnswerCache(const CacheConfig& config, Now now = Clock::now);

  /// nullopt: nothing that would still count for anything.
  std::optional<Found> find(std::string_view key) const;
  /// `unavailable` is never kept.
  void put(std::string_view key, routing::Presence presence, std::string evidence);
  std::size_t size() const;

 private:
  struct Entry {
    std::string key;
    std::string evidence;
    Clock::time_point since;
    routing::Presence presence = routing::Presence::unavailable;
    bool was_used = false;
  };
  struct Shard {
    std::mutex mutex;
    std::deque<Entry> entries;  ///< keys are views into these, which never move
    std::unordered_map<std::string_view, std::size_t> index;
    std::size_t hand = 0;
  };

  Shard& shard_of(std::string_view key) const;
  std::chrono::milliseconds lifetime(routing::Presence presence) const;
  std::size_t place_for_new(Shard& shard, Clock::time_point now) const;

  const CacheConfig config_;
  const Now now_;
  std::size_t shard_size_;  ///< entries of one shard
  std::vector<std::unique_ptr<Shard>> shards_;
};

}  // namespace postern::directories
