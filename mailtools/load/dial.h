// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "mailtools/load/figures.h"

#include <chrono>
#include <utility>

namespace postern::load {

/// How an attempt to connect ended.
struct Dialled {
  net::Socket socket;
  Failure failure;  ///< none: `socket` is connected
  Dialled(net::Socket s, Failure f) : socket(std::move(s)), failure(std::move(f)) {}
};

/// Connects within `limit`, from `source` where it is not null (which is not used beyond the first
/// suspension). Ports of a source are chosen when the destination is known, so that each source has
/// all of them for each server (IP_BIND_ADDRESS_NO_PORT).
net::Awaitable<Dialled> dial(net::Executor executor,
                             net::Endpoint server,
                             const net::asio::ip::address* source,
                             std::chrono::nanoseconds limit);

/// What an error of a connection that stood means.
Failure failure_of(net::error_code ec, smtp::ClientStep step);

}  // namespace postern::load
