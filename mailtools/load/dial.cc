// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/dial.h"

#include <boost/asio/error.hpp>

#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

namespace postern::load {
namespace asio = net::asio;
namespace {

/// Shared with the timer's handler, which may run after the attempt is over.
struct Dial {
  explicit Dial(net::Executor executor) : socket(executor) {}
  net::Socket socket;
  bool over = false;
  bool late = false;
};

Failure connect_failure(net::error_code ec) {
  Failure out;
  out.step = smtp::ClientStep::connect;
  out.detail = ec.message();
  out.kind = Failure::Kind::unreachable;
  if (ec == asio::error::connection_refused) out.kind = Failure::Kind::connect_refused;
  if (ec == asio::error::connection_reset) out.kind = Failure::Kind::closed;
  if (ec == asio::error::timed_out) {
    out.kind = Failure::Kind::timed_out;
    out.detail = "no connection";
  }
  if (ec == asio::error::no_descriptors) out.kind = Failure::Kind::local;
  if (ec.value() == EADDRNOTAVAIL) out.detail += "; give more addresses as --source";
  return out;
}

net::error_code bind_to(net::Socket& socket, const asio::ip::address& source) {
  const int yes = 1;
  // Where the kernel does not know it, ports run out earlier.
  [[maybe_unused]] const int done =
      ::setsockopt(socket.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  net::error_code ec;
  socket.bind(net::Endpoint(source, 0), ec);
  return ec;
}

}  // namespace

Failure failure_of(net::error_code ec, smtp::ClientStep step) {
  Failure out;
  out.step = step;
  const bool late = ec == asio::error::timed_out;
  out.kind = late ? Failure::Kind::timed_out : Failure::Kind::closed;
  out.detail = late ? "no answer" : ec == asio::error::eof ? "connection closed" : ec.message();
  if (ec == asio::error::operation_aborted) out.kind = Failure::Kind::interrupted;
  return out;
}

net::Awaitable<Dialled> dial(net::Executor executor,
                             net::Endpoint server,
                             const asio::ip::address* source,
                             std::chrono::nanoseconds limit) {
  const auto attempt = std::make_shared<Dial>(executor);
  net::error_code ec;
  attempt->socket.open(server.protocol(), ec);
  if (!ec && source != nullptr) ec = bind_to(attempt->socket, *source);
  if (ec) co_return Dialled(std::move(attempt->socket), connect_failure(ec));
  net::Timer timer(executor, limit);
  timer.async_wait([attempt](net::error_code error) {
    if (error || attempt->over) return;
    attempt->late = true;
    attempt->socket.cancel(error);
  });
  const auto [error] = co_await attempt->socket.async_connect(server, net::as_result);
  attempt->over = true;
  ec = attempt->late ? net::error_code(asio::error::timed_out) : error;
  Failure failure;
  if (ec) failure = connect_failure(ec);
  co_return Dialled(std::move(attempt->socket), std::move(failure));
}

}  // namespace postern::load
