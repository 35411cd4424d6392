// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <chrono>
#include <utility>

namespace postern::smtp {

/// How a connection attempt ended: with a socket, or with the reason why not.
struct Connected {
  net::error_code ec;
  net::Socket socket;
  Connected(net::error_code e, net::Socket s) : ec(e), socket(std::move(s)) {}
};

/// Connects within `limit`; `asio::error::timed_out` when that is over.
net::Awaitable<Connected> connect(net::Executor executor,
                                  net::Endpoint endpoint,
                                  std::chrono::seconds limit);

}  // namespace postern::smtp
