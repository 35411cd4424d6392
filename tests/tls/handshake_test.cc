// SPDX-License-Identifier: Apache-2.0
#include "loopback.h"
#include "tls/error.h"
#include "tls/stream.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <string>

namespace postern::tls {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;
using test::Loopback;
using test::TestContexts;

net::Awaitable<void> serve(Stream& stream, error_code& ec) {
  ec = co_await stream.handshake_server(*TestContexts::get().server);
}

net::Awaitable<void> connect(Stream& stream, std::string_view name, error_code& ec) {
  ec = co_await stream.handshake_client(*TestContexts::get().client, name);
}

net::Awaitable<void> say(net::Socket& socket, std::string_view text) {
  const auto [ec, n] = co_await socket.async_send(asio::buffer(text), net::as_result);
  EXPECT_FALSE(ec);
}

TEST(Handshake, FailsInOpenSslsWordsWhenThePeerSpeaksPlainSmtp) {
  Loopback loopback;
  error_code ec;
  loopback.start(serve(*loopback.server, ec));
  loopback.start(say(loopback.client->socket(), "EHLO mx.example.net\r\n"));
  loopback.run();
  EXPECT_EQ(&ec.category(), &category());
  EXPECT_FALSE(ec.message().empty());
  EXPECT_EQ(ec.message().find("without a reason"), std::string::npos) << ec.message();
  EXPECT_FALSE(loopback.server->is_tls());
}

net::Awaitable<void> try_write(Stream& stream, error_code& ec) {
  const Stream::IoResult result = co_await stream.write("MAIL FROM:<a@example.com>\r\n");
  ec = result.ec;
}

TEST(Handshake, LeavesNoPlainStreamBehindAFailure) {
  Loopback loopback;
  error_code handshake;
  loopback.start(serve(*loopback.server, handshake));
  loopback.start(say(loopback.client->socket(), "EHLO mx.example.net\r\n"));
  loopback.run();
  error_code written;
  loopback.start(try_write(*loopback.server, written));
  loopback.run();
  EXPECT_TRUE(handshake);
  EXPECT_EQ(written, handshake) << "nothing may leave in plain after a failed STARTTLS";
}

TEST(Handshake, EndsAtTheDeadlineWhenThePeerIsSilent) {
  Loopback loopback;
  error_code server;
  error_code client;
  loopback.server->expires_after(10ms);
  loopback.start(serve(*loopback.server, server));
  loopback.run();
  EXPECT_EQ(server, asio::error::timed_out);

  Loopback other;
  other.client->expires_after(10ms);
  other.start(connect(*other.client, "mail.example.com", client));
  other.run();
  EXPECT_EQ(client, asio::error::timed_out);
}

/// Passes at most `limit` octets from one socket to the other, then closes both: a peer that goes
/// away in the middle of the handshake.
net::Awaitable<void> pass_on(net::Socket& from,
                             net::Socket& to,
                             std::size_t limit,
                             std::size_t& passed) {
  std::array<char, 1> octet;
  while (passed < limit) {
    const auto [ec, n] = co_await from.async_read_some(asio::buffer(octet), net::as_result);
    if (ec) break;
    const auto [sent, m] = co_await to.async_send(asio::buffer(octet), net::as_result);
    if (sent) break;
    ++passed;
  }
  error_code ignored;
  from.close(ignored);
  to.close(ignored);
}

struct Cut {
  error_code client;
  error_code server;
  std::size_t passed = 0;
};

net::Awaitable<void> connect_and_close(Stream& stream, error_code& ec) {
  ec = co_await stream.handshake_client(*TestContexts::get().client, "mail.example.com");
  stream.close();
}

net::Awaitable<void> serve_and_close(Stream& stream, error_code& ec) {
  ec = co_await stream.handshake_server(*TestContexts::get().server);
  stream.close();
}

/// A handshake through a wire that is cut after `limit` octets in the direction given.
Cut handshake_cut_after(std::size_t limit, bool from_client) {
  Loopback left;
  auto [near, far] = test::socket_pair(left.io);
  Stream server(std::move(far));
  Cut cut;
  std::size_t other = 0;
  std::size_t& up = from_client ? cut.passed : other;
  std::size_t& down = from_client ? other : cut.passed;
  constexpr std::size_t kNoLimit = std::size_t{1} << 30;
  left.start(connect_and_close(*left.client, cut.client));
  left.start(serve_and_close(server, cut.server));
  left.start(pass_on(left.server->socket(), near, from_client ? limit : kNoLimit, up));
  left.start(pass_on(near, left.server->socket(), from_client ? kNoLimit : limit, down));
  left.run();
  return cut;
}

TEST(Handshake, EndsWithAnErrorWhereverTheClientsOctetsStop) {
  for (std::size_t limit = 0; limit < 2000; limit += limit < 12 ? 1 : 37) {
    const Cut cut = handshake_cut_after(limit, true);
    if (cut.passed < limit) break;  // the handshake needs no more than this
    if (!cut.server) continue;      // cut after the handshake, in what the client sends next
    EXPECT_TRUE(cut.server == asio::error::eof || cut.server == asio::error::connection_reset ||
                cut.server == asio::error::broken_pipe)
        << limit << ": " << cut.server.message();
  }
}

TEST(Handshake, EndsWithAnErrorWhereverTheServersOctetsStop) {
  for (std::size_t limit = 0; limit < 2000; limit += limit < 12 ? 1 : 37) {
    const Cut cut = handshake_cut_after(limit, false);
    if (cut.passed < limit || !cut.client) break;
    EXPECT_TRUE(cut.client == asio::error::eof || cut.client == asio::error::connection_reset ||
                cut.client == asio::error::broken_pipe)
        << limit << ": " << cut.client.message();
  }
}

int remember_name(SSL* ssl, int*, void* seen) {
  const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  *static_cast<std::string*>(seen) = name != nullptr ? name : "";
  return SSL_TLSEXT_ERR_OK;
}

net::Awaitable<void> serve_with(Stream& stream, const Context& context, error_code& ec) {
  ec = co_await stream.handshake_server(context);
}

TEST(Handshake, SendsAHostNameAsSniButNoAddress) {
  const test::TemporaryDirectory directory;
  const auto context =
      Context::server({make_certificate(directory, "mail.example.com", test::KeyType::ecdsa)});
  ASSERT_TRUE(context);
  std::string seen;
  SSL_CTX_set_tlsext_servername_callback((*context)->native(), &remember_name);
  SSL_CTX_set_tlsext_servername_arg((*context)->native(), &seen);
  const std::pair<const char*, const char*> cases[] = {
      {"mail.example.com", "mail.example.com"},
      {"192.0.2.1",        ""                },
      {"2001:db8::1",      ""                },
      {"",                 ""                },
  };
  for (const auto& [name, expected] : cases) {
    Loopback loopback;
    error_code server;
    error_code client;
    seen = "not asked";
    loopback.start(serve_with(*loopback.server, **context, server));
    loopback.start(connect(*loopback.client, name, client));
    loopback.run();
    EXPECT_FALSE(server) << server.message();
    EXPECT_FALSE(client) << client.message();
    EXPECT_EQ(seen, expected) << name;
  }
}

TEST(Handshake, MayBeTriedOnlyOnce) {
  Loopback loopback;
  error_code server;
  error_code client;
  loopback.start(serve(*loopback.server, server));
  loopback.start(connect(*loopback.client, "", client));
  loopback.run();
  ASSERT_FALSE(client);
  loopback.start(connect(*loopback.client, "", client));
  loopback.run();
  EXPECT_EQ(client, asio::error::already_connected);
}

}  // namespace
}  // namespace postern::tls
