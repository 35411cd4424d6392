// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "test_certificate.h"
#include "tls/context.h"
#include "tls/stream.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace postern::test {

/// Two connected TCP sockets on loopback.
inline std::pair<net::Socket, net::Socket> socket_pair(net::IoContext& io) {
  namespace ip = net::asio::ip;
  net::Acceptor acceptor(io.get_executor(), net::Endpoint(ip::address_v4::loopback(), 0));
  net::Socket client(io.get_executor());
  client.connect(acceptor.local_endpoint());
  net::Socket server(io.get_executor());
  acceptor.accept(server);
  return {std::move(client), std::move(server)};
}

/// Two streams, the ends of one connection, on an event loop of their own.
class Loopback {
 public:
  Loopback() {
    auto [c, s] = socket_pair(io);
    client = std::make_unique<tls::Stream>(std::move(c));
    server = std::make_unique<tls::Stream>(std::move(s));
  }

  /// Starts a coroutine; its exception comes out of run().
  void start(net::Awaitable<void> work) {
    net::asio::co_spawn(io.get_executor(), std::move(work), [this](const std::exception_ptr& e) {
      if (e && !failure_) failure_ = e;
    });
  }
  /// Runs everything that was started to its end.
  void run() {
    io.restart();
    io.run();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

  /// Runs what is ready, so that what was started is under way.
  void poll() {
    io.restart();
    io.poll();
  }

  net::IoContext io{1};
  std::unique_ptr<tls::Stream> client;
  std::unique_ptr<tls::Stream> server;

 private:
  std::exception_ptr failure_;
};

/// Contexts for both ends, with a certificate made for the occasion (one a process: keys are slow).
struct TestContexts {
  TemporaryDirectory directory;
  std::shared_ptr<const tls::Context> server;
  std::shared_ptr<const tls::Context> client;

  static const TestContexts& get() {
    static const TestContexts instance;
    return instance;
  }

 private:
  TestContexts()
      : server(*tls::Context::server(
            {make_certificate(directory, "mail.example.com", KeyType::ecdsa)})),
        client(*tls::Context::opportunistic_client()) {}
};

}  // namespace postern::test
