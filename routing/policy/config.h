// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::routing {

/// `[[policy]]`: a server that is asked about each recipient by the Postfix policy delegation
/// protocol (docs/policy.md). Part of routing::Config.
struct PolicyConfig {
  /// What a client is told when the server gives no answer in time.
  enum class OnFailure : std::uint8_t { defer, pass };

  std::string name;
  std::string server;                       ///< "inet:ADDRESS:PORT" or "unix:/path", checked
  std::chrono::milliseconds timeout{5000};  ///< for one answer, with connecting and waiting in line
  OnFailure on_failure = OnFailure::defer;
  unsigned connections = 20;            ///< at a time, of each worker thread
  std::vector<std::string> recipients;  ///< patterns (routing/address_patterns.h); empty: all
  /// Also about mail of next hops, of clients that may relay, and behind an intermediate MX.
  bool trusted = false;
};

}  // namespace postern::routing
