// SPDX-License-Identifier: Apache-2.0
#include "tls/stream.h"

#include "session/segments.h"
#include "stream_fixture.h"
#include "tls/error.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <random>
#include <vector>

namespace postern::tls {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;
using test::collect;
using test::fill;
using test::Loopback;
using test::read_once;
using test::say;
using test::secure_client;
using test::secure_server;
using test::StreamTest;
using test::wait_once;

std::string random_octets(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string octets(size, '\0');
  for (char& c : octets)
    c = static_cast<char>(random() & 0xffU);
  return octets;
}

std::string sha256(std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

INSTANTIATE_TEST_SUITE_P(PlainAndTls, StreamTest, testing::Bool(), [](const auto& info) {
  return info.param ? "tls" : "plain";
});

net::Awaitable<void> echo(Stream& stream) {
  std::array<char, 4096> buffer;
  while (true) {
    const Stream::IoResult in = co_await stream.read_some(buffer);
    if (in.ec) break;
    const std::string_view octets(buffer.data(), in.octets);
    const Stream::IoResult out = co_await stream.write(octets);
    if (out.ec) break;
  }
  stream.close();
}

net::Awaitable<void> ask_echo(Stream& stream, std::string& answer) {
  co_await say(stream, "EHLO mx.example.net\r\n");
  co_await collect(stream, 21, answer);
  stream.close();
}

TEST_P(StreamTest, IsQuietUntilThePeerSendsOrCloses) {
  EXPECT_TRUE(loopback.client->is_quiet());
  EXPECT_TRUE(loopback.client->is_quiet());
  loopback.start(say(*loopback.server, "x"));
  loopback.run();
  EXPECT_FALSE(loopback.client->is_quiet());
  EXPECT_FALSE(loopback.client->is_quiet());
  loopback.client->close();
  EXPECT_FALSE(loopback.client->is_quiet());
  loopback.run();
  EXPECT_FALSE(loopback.server->is_quiet());
}

TEST_P(StreamTest, CarriesWhatIsWrittenBackAndForth) {
  std::string answer;
  loopback.start(echo(*loopback.server));
  loopback.start(ask_echo(*loopback.client, answer));
  loopback.run();
  EXPECT_EQ(answer, "EHLO mx.example.net\r\n");
}

TEST_P(StreamTest, CarriesMegabytesBothWaysAtOnce) {
  const std::string up = random_octets(std::size_t{6} << 20, 1);
  const std::string down = random_octets(std::size_t{5} << 20, 2);
  std::string at_server;
  std::string at_client;
  loopback.start(say(*loopback.client, up));
  loopback.start(say(*loopback.server, down));
  loopback.start(collect(*loopback.server, up.size(), at_server));
  loopback.start(collect(*loopback.client, down.size(), at_client));
  loopback.run();
  EXPECT_EQ(sha256(at_server), sha256(up));
  EXPECT_EQ(sha256(at_client), sha256(down));
}

net::Awaitable<void> say_both(Stream& stream, std::string_view first, std::string_view second) {
  const Stream::IoResult result = co_await stream.write(first, second);
  EXPECT_FALSE(result.ec) << result.ec.message();
  EXPECT_EQ(result.octets, first.size() + second.size());
}

net::Awaitable<void> say_in_parts(Stream& stream) {
  for (const char* part : {"a", "b", "c"})
    co_await stream.write(part, {}, Stream::Follows::more);
  co_await stream.write("d");
}

TEST_P(StreamTest, WhatMoreFollowsWaitsForIt) {
  bool together = false;
  // The kernel waits a fifth of a second: this thread may have to wait longer, though not each
  // time.
  for (int i = 0; i < 20 && !together; ++i) {
    const int peer = loopback.server->socket().native_handle();
    const unsigned before = smtp::data_segments_in(peer);
    std::string got;
    loopback.start(say_in_parts(*loopback.client));
    loopback.start(collect(*loopback.server, 4, got));
    loopback.run();
    ASSERT_EQ(got, "abcd");
    together = smtp::data_segments_in(peer) - before == 1;
  }
  EXPECT_EQ(together, !GetParam()) << "TLS makes a record of each";
}

TEST_P(StreamTest, WritesTwoPartsInOrderWhateverTheirSizes) {
  const std::size_t sizes[] = {0, 1, 100, 16383, 16384, 16385, 900000};
  for (const std::size_t a : sizes) {
    for (const std::size_t b : sizes) {
      if (a + b == 0) continue;
      const std::string first = random_octets(a, 3);
      const std::string second = random_octets(b, 4);
      std::string received;
      loopback.start(say_both(*loopback.client, first, second));
      loopback.start(collect(*loopback.server, a + b, received));
      loopback.run();
      ASSERT_EQ(sha256(received), sha256(first + second)) << a << " and " << b;
    }
  }
}

TEST_P(StreamTest, ReportsTheEndOfFileWhenThePeerCloses) {
  error_code ec;
  loopback.client->close();
  loopback.start(read_once(*loopback.server, ec));
  loopback.run();
  EXPECT_EQ(ec, asio::error::eof);
}

TEST_P(StreamTest, ReportsTheEndOfFileWithoutCloseNotify) {
  error_code ec;
  loopback.client->socket().shutdown(net::Socket::shutdown_send);
  loopback.start(read_once(*loopback.server, ec));
  loopback.run();
  EXPECT_EQ(ec, asio::error::eof);
}

net::Awaitable<void> wait_then_read(Stream& stream, std::string& trace) {
  const error_code ec = co_await stream.wait_readable();
  EXPECT_FALSE(ec) << ec.message();
  trace += "readable ";
  co_await collect(stream, trace.size() + 4, trace);
}

net::Awaitable<void> speak_late(Stream& stream, std::string& trace) {
  for (int i = 0; i < 10; ++i)
    co_await asio::post(stream.executor(), net::use_awaitable);
  trace += "spoken ";
  co_await say(stream, "NOOP");
}

TEST_P(StreamTest, WaitsUntilThereIsSomethingToReadWithoutABuffer) {
  std::string trace;
  loopback.start(wait_then_read(*loopback.server, trace));
  loopback.start(speak_late(*loopback.client, trace));
  loopback.run();
  EXPECT_EQ(trace, "spoken readable NOOP");
}

net::Awaitable<void> read_a_part_then_wait(Stream& stream, std::string& got) {
  std::array<char, 2> two;
  const Stream::IoResult in = co_await stream.read_some(two);
  got.append(two.data(), in.octets);
  const error_code ec = co_await stream.wait_readable();
  EXPECT_FALSE(ec);
  co_await collect(stream, 4, got);
}

TEST_P(StreamTest, IsReadableWhenTheRestOfARecordIsLeft) {
  std::string got;
  loopback.start(say(*loopback.client, "NOOP"));
  loopback.start(read_a_part_then_wait(*loopback.server, got));
  loopback.run();
  EXPECT_EQ(got, "NOOP");
}

TEST_P(StreamTest, AClosedPeerMakesAWaitEndSoThatTheReadCanReportIt) {
  error_code waited;
  error_code read;
  loopback.client->close();
  loopback.start(wait_once(*loopback.server, waited));
  loopback.run();
  loopback.start(read_once(*loopback.server, read));
  loopback.run();
  EXPECT_FALSE(waited);
  EXPECT_EQ(read, asio::error::eof);
}

TEST_P(StreamTest, CloseEndsWhatIsUnderWayAndMayBeRepeated) {
  error_code ec;
  loopback.server->expires_after(1h);
  loopback.start(read_once(*loopback.server, ec));
  loopback.poll();
  loopback.server->close();
  loopback.server->close();
  loopback.run();
  EXPECT_EQ(ec, asio::error::operation_aborted);
  EXPECT_FALSE(loopback.server->is_open());
}

TEST_P(StreamTest, MayBeDestroyedWithOperationsPendingElsewhere) {
  error_code read;
  error_code waited;
  error_code written;
  loopback.server->expires_after(1h);
  loopback.start(read_once(*loopback.server, read));
  loopback.start(fill(*loopback.server, written));
  loopback.start(wait_once(*loopback.client, waited));
  loopback.poll();
  loopback.server.reset();
  loopback.client.reset();
  loopback.run();
  EXPECT_EQ(read, asio::error::operation_aborted);
  EXPECT_EQ(written, asio::error::operation_aborted);
}

TEST_P(StreamTest, AnEventLoopMayGoWithOperationsPending) {
  error_code ec;
  loopback.server->expires_after(1h);
  loopback.start(read_once(*loopback.server, ec));
  loopback.poll();
  SUCCEED() << "the sanitizers say whether the frames and the stream were freed once";
}

TEST_P(StreamTest, AWriteToAPeerThatHasGoneIsAnErrorAndNoSignal) {
  loopback.client->socket().set_option(asio::socket_base::linger(true, 0));
  error_code ignored;
  loopback.client->socket().close(ignored);
  error_code ec;
  loopback.start(fill(*loopback.server, ec));
  loopback.run();
  loopback.start(fill(*loopback.server, ec));
  loopback.run();
  EXPECT_TRUE(ec == asio::error::connection_reset || ec == asio::error::broken_pipe)
      << ec.message();
}

TEST(Stream, TellsWhatAHandshakeAgreedOn) {
  Loopback loopback;
  EXPECT_EQ(loopback.client->info(), nullptr);
  EXPECT_FALSE(loopback.client->is_tls());
  loopback.start(secure_server(*loopback.server));
  loopback.start(secure_client(*loopback.client));
  loopback.run();
  ASSERT_TRUE(loopback.client->is_tls());
  const Info& info = *loopback.client->info();
  EXPECT_EQ(info.version, "TLSv1.3");
  EXPECT_TRUE(info.cipher.starts_with("TLS_")) << info.cipher;
  EXPECT_GE(info.bits, 128);
  EXPECT_EQ(info.peer_fingerprint.size(), 64U);
  EXPECT_FALSE(info.verified);
  EXPECT_TRUE(loopback.server->info()->peer_fingerprint.empty());
}

TEST(Stream, KnowsBothEndsOfItsConnection) {
  const Loopback loopback;
  EXPECT_EQ(loopback.client->remote(), loopback.server->local());
  EXPECT_EQ(loopback.server->remote(), loopback.client->local());
  EXPECT_TRUE(loopback.server->remote().address().is_loopback());
}

}  // namespace
}  // namespace postern::tls
