// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/bounded_map.h"
#include "auth/failure_guard.h"
#include "base/ip.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

namespace postern::gateway {

/// What a client is limited in.
enum class ClientLimit : std::uint8_t { sessions, connections, messages, recipients };
/// As metrics and log have it: "messages".
const char* limit_name(ClientLimit limit);

/// The first address of the block that `address` is in; of a whole-length prefix the address.
IpAddress prefix_of(const IpAddress& address, unsigned bits_v4, unsigned bits_v6);

/// Events by client over a sliding window (auth::WindowCounter). Shared by all workers: in shards,
/// each with a lock that is held for one look-up. Bounded: the clients that have done nothing for
/// longest are forgotten. A reload changes rates, not what was counted. Any thread.
class ClientCounters {
 public:
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kMostOfAShard = 4096;

  /// `now`: for tests.
  explicit ClientCounters(auth::GuardClock::time_point (*now)() = auth::GuardClock::now)
      : now_(now) {}

  /// One more. False: that would be over the rate, and it is not counted, so that a client that
  /// goes on trying still gets what the rate grants.
  bool take(ClientLimit limit, const IpAddress& client, const auth::Rate& rate);

  /// Whether a refusal is to be told: the first of a client and limit, then one a minute.
  struct Telling {
    bool tell = false;
    std::size_t held_back = 0;  ///< refusals since the one that was told last
  };
  Telling refused(ClientLimit limit, const IpAddress& client);

 private:
  struct Told {
    auth::GuardClock::time_point at;
    std::size_t held_back = 0;
  };
  struct alignas(64) Shard {
    std::mutex mutex;
    auth::WindowCounter counter{kMostOfAShard};
    auth::BoundedMap<Told> told{kMostOfAShard};
  };

  Shard& shard_of(const IpAddress& client);

  auth::GuardClock::time_point (*const now_)();
  std::array<Shard, kShards> shards_;
};

}  // namespace postern::gateway
