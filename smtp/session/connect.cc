// SPDX-License-Identifier: Apache-2.0
#include "smtp/session/connect.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>

#include <memory>

namespace postern::smtp {
namespace {

/// Shared with the timer's handler, which may run after the attempt is over.
struct Attempt {
  explicit Attempt(net::Executor executor) : socket(executor) {}
  net::Socket socket;
  bool over = false;
  bool late = false;
};

}  // namespace

net::Awaitable<Connected> connect(net::Executor executor,
                                  net::Endpoint endpoint,
                                  std::chrono::seconds limit) {
  const auto attempt = std::make_shared<Attempt>(executor);
  net::Timer timer(executor, limit);
  timer.async_wait([attempt](net::error_code ec) {
    if (ec || attempt->over) return;
    attempt->late = true;
    attempt->socket.cancel(ec);
  });
  auto [ec] = co_await attempt->socket.async_connect(endpoint, net::as_result);
  attempt->over = true;
  if (attempt->late) ec = net::asio::error::timed_out;
  co_return Connected(ec, std::move(attempt->socket));
}

}  // namespace postern::smtp
