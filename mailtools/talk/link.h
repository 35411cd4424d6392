// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/talk/client_tls.h"
#include "mailtools/talk/conversation.h"
#include "tls/stream.h"

#include <boost/asio/co_spawn.hpp>

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace postern::talk {

/// Private to the folder: the event loop of one conversation, and the connection on it.
struct Conversation::Link {
  Link() : context(1) {}
  ~Link() {
    // Handlers that are left end before what they refer to.
    if (stream) stream->close();
    stream.reset();
    context.restart();
    context.poll();
  }
  Link(Link&&) = delete;

  /// Runs the loop until `what` is done.
  template <class T>
  T run(net::Awaitable<T> what) {
    std::optional<T> out;
    net::asio::co_spawn(context, keep(std::move(what), out), [](std::exception_ptr failed) {
      if (failed) std::rethrow_exception(failed);
    });
    context.restart();
    while (!out)
      context.run_one();
    return std::move(*out);
  }

  net::IoContext context;
  std::unique_ptr<ClientTls> handshake;  ///< outlives the stream
  std::unique_ptr<tls::Stream> stream;
  net::Endpoint local;
  net::Endpoint remote;
  std::string input;              ///< read, and not used yet
  std::array<char, 16384> block;  // NOLINT: filled before it is read

 private:
  /// `out` outlives it.
  template <class T>
  static net::Awaitable<void> keep(net::Awaitable<T> what, std::optional<T>& out) {
    T value = co_await std::move(what);
    out.emplace(std::move(value));
  }
};

}  // namespace postern::talk
