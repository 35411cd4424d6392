// SPDX-License-Identifier: Apache-2.0
#include "stream_fixture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

// A stream's deadlines.

namespace postern::tls {
namespace {

namespace asio = net::asio;
using namespace std::chrono_literals;
using test::collect;
using test::fill;
using test::read_once;
using test::say;
using test::wait_once;

class StreamDeadlineTest : public test::StreamTest {};

INSTANTIATE_TEST_SUITE_P(PlainAndTls, StreamDeadlineTest, testing::Bool(), [](const auto& info) {
  return info.param ? "tls" : "plain";
});

TEST_P(StreamDeadlineTest, EndsAReadAtTheDeadlineWhenThePeerIsSilent) {
  error_code ec;
  loopback.server->expires_after(20ms);
  loopback.start(read_once(*loopback.server, ec));
  loopback.run();
  EXPECT_EQ(ec, asio::error::timed_out);
}

TEST_P(StreamDeadlineTest, EndsAWriteAtTheDeadlineWhenThePeerDoesNotRead) {
  error_code ec;
  loopback.server->expires_after(50ms);
  loopback.start(fill(*loopback.server, ec));
  loopback.run();
  EXPECT_EQ(ec, asio::error::timed_out);
}

TEST_P(StreamDeadlineTest, StaysTimedOutAfterAWriteThatMayHaveSentHalf) {
  error_code first;
  error_code second;
  loopback.server->expires_after(50ms);
  loopback.start(fill(*loopback.server, first));
  loopback.run();
  loopback.server->expires_after(1h);
  loopback.start(read_once(*loopback.server, second));
  loopback.server->close();
  loopback.run();
  EXPECT_EQ(first, asio::error::timed_out);
  EXPECT_EQ(second, asio::error::timed_out);
}

TEST_P(StreamDeadlineTest, CanStillSpeakAfterAReadTimedOut) {
  error_code ec;
  loopback.server->expires_after(10ms);
  loopback.start(read_once(*loopback.server, ec));
  loopback.run();
  EXPECT_EQ(ec, asio::error::timed_out);

  loopback.server->expires_after(1h);
  std::string received;
  loopback.start(say(*loopback.server, "421 "));
  loopback.start(collect(*loopback.client, 4, received));
  loopback.io.restart();
  while (received.size() < 4 && loopback.io.run_one() != 0) {
  }
  EXPECT_EQ(received, "421 ");
}

TEST_P(StreamDeadlineTest, WaitsForTheDeadlineThatWasMovedLater) {
  error_code ec;
  loopback.server->expires_after(10ms);
  const net::TimePoint later = net::Clock::now() + 60ms;
  loopback.server->expires_at(later);
  loopback.start(read_once(*loopback.server, ec));
  loopback.run();
  EXPECT_EQ(ec, asio::error::timed_out);
  EXPECT_GE(net::Clock::now(), later);
}

TEST_P(StreamDeadlineTest, TakesADeadlineThatWasMovedEarlier) {
  error_code ec;
  loopback.server->expires_after(1h);
  loopback.server->expires_after(10ms);
  loopback.start(read_once(*loopback.server, ec));
  loopback.run();  // ends before the hour, or the test's own time-out fails it
  EXPECT_EQ(ec, asio::error::timed_out);
}

TEST_P(StreamDeadlineTest, AnOldDeadlineThatPassedWhileIdleDoesNotEndWhatComesAfterANewOne) {
  loopback.server->expires_after(5ms);
  loopback.run();  // ends when the timer has fired
  error_code ec;
  loopback.start(read_once(*loopback.server, ec));
  loopback.run();
  EXPECT_EQ(ec, asio::error::timed_out) << "a deadline that has passed holds";

  loopback.server->expires_after(1h);
  std::string received;
  loopback.start(say(*loopback.client, "QUIT\r\n"));
  loopback.start(collect(*loopback.server, 6, received));
  loopback.io.restart();
  while (received.size() < 6 && loopback.io.run_one() != 0) {
  }
  EXPECT_EQ(received, "QUIT\r\n");
}

TEST_P(StreamDeadlineTest, EndsAWaitForInputAtTheDeadline) {
  error_code ec;
  loopback.server->expires_after(10ms);
  loopback.start(wait_once(*loopback.server, ec));
  loopback.run();
  EXPECT_EQ(ec, asio::error::timed_out);
}

}  // namespace
}  // namespace postern::tls
