// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/session/connect.h"

#include <cstddef>
#include <memory>
#include <optional>

namespace postern::smtp {

/// Connection attempts beside each other, of which the first to succeed is wanted (RFC 8305 section
/// 5). Used on the executor's thread.
class ConnectRace {
 public:
  /// An attempt that has ended, well or not.
  struct Ended {
    std::size_t id;
    Connected connected;
  };

  explicit ConnectRace(net::Executor executor);
  ~ConnectRace() { stop(); }
  ConnectRace(ConnectRace&&) = delete;

  /// Begins an attempt within `limit`. `id`: what next() will call it.
  void start(std::size_t id, net::Endpoint endpoint, std::chrono::seconds limit);
  /// The next attempt that has ended, in the order of ending; nullopt: none has before `until`.
  /// Called by one at a time, which outlives the race or is dropped with it.
  net::Awaitable<std::optional<Ended>> next(net::TimePoint until);
  /// Attempts under way end, and their sockets are closed. The destructor does it, too.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace postern::smtp
