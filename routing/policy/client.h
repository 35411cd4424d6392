// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "base/net.h"
#include "base/result.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::routing {

/// Where a policy server listens: "inet:127.0.0.1:10023", "inet:[::1]:10023", "unix:/path".
struct PolicyServer {
  std::string text;  ///< as it was written
  std::string path;  ///< of a Unix socket; empty: TCP
  IpAddress address;
  std::uint16_t port = 0;

  /// nullopt: not of one of these forms, or a path that is too long for a socket (107 octets).
  static std::optional<PolicyServer> parse(std::string_view text);
};

struct PolicyCall {
  PolicyServer server;
  std::string question;  ///< PolicyQuestion::finish()
  std::chrono::milliseconds timeout{5000};
  std::size_t connections = 20;  ///< at a time, of this io_context
};

/// Asks on the io_context that the coroutine runs on; one thread runs it. Connections are kept and
/// belong to that io_context, whatever becomes of the config that named the server; one that has
/// gone stale costs one more try on a new one. More questions than connections wait in line. After
/// three answers in a row that did not come in time the next ones are not waited for, for a moment.
/// An answer with its empty line; error: why there is none, one line.
net::Awaitable<Result<std::string, std::string>> ask_policy_server(PolicyCall call);

}  // namespace postern::routing
