// SPDX-License-Identifier: Apache-2.0
#include "loopback.h"
#include "tls/stream.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace postern::tls {
namespace {

using test::Loopback;
using test::TestContexts;

net::Awaitable<void> serve(Stream& stream) {
  const error_code ec = co_await stream.handshake_server(*TestContexts::get().server);
  EXPECT_FALSE(ec) << ec.message();
}

net::Awaitable<void> connect(Stream& stream, const Context& context) {
  const error_code ec = co_await stream.handshake_client(context, "mx.example.net");
  EXPECT_FALSE(ec) << ec.message();
}

/// Both ends' bindings of one connection.
std::pair<ChannelBindings, ChannelBindings> bindings(const Context& client) {
  Loopback loopback;
  EXPECT_TRUE(loopback.server->channel_bindings().empty());
  loopback.start(serve(*loopback.server));
  loopback.start(connect(*loopback.client, client));
  loopback.run();
  return {loopback.client->channel_bindings(), loopback.server->channel_bindings()};
}

TEST(ChannelBinding, IsTheSameAtBothEndsAndOfThisConnectionAlone) {
  const auto [client, server] = bindings(*TestContexts::get().client);
  ASSERT_EQ(client.size(), 2U);
  ASSERT_EQ(server.size(), 2U);
  EXPECT_EQ(server[0].type, "tls-exporter");
  EXPECT_EQ(server[0].data.size(), 32U);
  EXPECT_EQ(server[0].data, client[0].data);
  EXPECT_EQ(server[1].type, "tls-server-end-point");
  EXPECT_EQ(server[1].data, client[1].data);
  const auto [other_client, other_server] = bindings(*TestContexts::get().client);
  EXPECT_NE(other_server[0].data, server[0].data);
  EXPECT_EQ(other_server[1].data, server[1].data);
  EXPECT_EQ(other_server[0].data, other_client[0].data);
}

TEST(ChannelBinding, IsTheCertificateAloneBeforeTls13) {
  const auto context = Context::opportunistic_client();
  ASSERT_TRUE(context);
  SSL_CTX_set_max_proto_version((*context)->native(), TLS1_2_VERSION);
  const auto [client, server] = bindings(**context);
  ASSERT_EQ(server.size(), 1U);
  ASSERT_EQ(client.size(), 1U);
  EXPECT_EQ(server[0].type, "tls-server-end-point");
  EXPECT_EQ(server[0].data.size(), 32U);
  EXPECT_EQ(server[0].data, client[0].data);
}

}  // namespace
}  // namespace postern::tls
