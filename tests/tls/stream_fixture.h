// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loopback.h"
#include "tls/stream.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace postern::test {

inline net::Awaitable<void> secure_server(tls::Stream& stream) {
  const net::error_code ec = co_await stream.handshake_server(*TestContexts::get().server);
  EXPECT_FALSE(ec) << ec.message();
}

inline net::Awaitable<void> secure_client(tls::Stream& stream) {
  const net::error_code ec =
      co_await stream.handshake_client(*TestContexts::get().client, "mail.example.com");
  EXPECT_FALSE(ec) << ec.message();
}

inline net::Awaitable<void> say(tls::Stream& stream, std::string_view data) {
  const tls::Stream::IoResult result = co_await stream.write(data);
  EXPECT_FALSE(result.ec) << result.ec.message();
  EXPECT_EQ(result.octets, data.size());
}

inline net::Awaitable<void> collect(tls::Stream& stream, std::size_t size, std::string& into) {
  std::vector<char> buffer(10000);
  while (into.size() < size) {
    const tls::Stream::IoResult in = co_await stream.read_some(buffer);
    EXPECT_FALSE(in.ec) << in.ec.message();
    if (in.ec) co_return;
    into.append(buffer.data(), in.octets);
  }
}

inline net::Awaitable<void> read_once(tls::Stream& stream, net::error_code& ec) {
  std::array<char, 100> buffer;
  const tls::Stream::IoResult in = co_await stream.read_some(buffer);
  ec = in.ec;
}

inline net::Awaitable<void> wait_once(tls::Stream& stream, net::error_code& ec) {
  ec = co_await stream.wait_readable();
}

/// More than the sockets' buffers hold.
inline net::Awaitable<void> fill(tls::Stream& stream, net::error_code& ec) {
  const std::string octets(std::size_t{64} << 20, 'x');
  const tls::Stream::IoResult out = co_await stream.write(octets);
  ec = out.ec;
}

/// Two ends of a connection; every behaviour holds for a plain stream and for TLS.
class StreamTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) return;
    loopback.start(secure_server(*loopback.server));
    loopback.start(secure_client(*loopback.client));
    loopback.run();
  }
  Loopback loopback;
};

}  // namespace postern::test
