// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"
#include "sink_fixture.h"
#include "support/free_port.h"

#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <thread>

namespace postern::sink {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class SinkSession : public SinkTest {};

/// Certificates are not looked at: the sink's is its own.
std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> client_context() {
  return {SSL_CTX_new(TLS_client_method()), &SSL_CTX_free};
}

TEST_F(SinkSession, TakesALetterAndTellsOfIt) {
  start();
  Caller caller = greeted();
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
  EXPECT_EQ(caller.code("QUIT"), "221");
  EXPECT_TRUE(is_closed(caller));
  const std::vector<SeenLetter> seen = seeing.letters();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].from, "a@x.ru");
  EXPECT_THAT(seen[0].to, ElementsAre("b@y.ru"));
  EXPECT_EQ(seen[0].helo, "client.test");
  EXPECT_EQ(seen[0].octets, "Subject: x\r\n\r\nhello\r\n");
  EXPECT_EQ(seen[0].head, seen[0].octets);
  EXPECT_EQ(sink->counts().messages, 1U);
  EXPECT_EQ(sink->counts().recipients, 1U);
  EXPECT_EQ(sink->counts().octets, seen[0].size);
  EXPECT_EQ(sink->counts().connections, 1U);
  EXPECT_EQ(sink->counts().refused, 0U);
}

TEST_F(SinkSession, ACommandHasOneDeadlineHoweverItTricklesIn) {
  options.timeouts.command = std::chrono::seconds(1);
  start();
  Caller caller = greeted();
  std::promise<void> closed;
  // Writing shares nothing with reading but the descriptor.
  std::thread trickle([&caller, over = closed.get_future()] {
    while (over.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout)
      caller.send("N");
  });
  EXPECT_TRUE(is_closed(caller));
  closed.set_value();
  trickle.join();
  EXPECT_EQ(sink->counts().refused, 0U);
}

TEST_F(SinkSession, APipelinedGroupGetsItsRepliesInOrder) {
  start();
  Caller caller = greeted();
  caller.send("MAIL FROM:<a@x.ru>\r\nRCPT TO:<b@y.ru>\r\nRCPT TO:<c@y.ru>\r\nDATA\r\n");
  EXPECT_EQ(caller.reply().substr(0, 9), "250 2.1.0");
  EXPECT_EQ(caller.reply().substr(0, 9), "250 2.1.5");
  EXPECT_EQ(caller.reply().substr(0, 9), "250 2.1.5");
  EXPECT_EQ(caller.reply().substr(0, 3), "354");
  caller.send("..dot\r\n.\r\nMAIL FROM:<>\r\nRSET\r\n");
  EXPECT_EQ(caller.reply().substr(0, 3), "250");
  EXPECT_EQ(caller.reply().substr(0, 3), "250");
  EXPECT_EQ(caller.reply().substr(0, 3), "250");
  ASSERT_EQ(seeing.letters().size(), 1U);
  EXPECT_EQ(seeing.letters()[0].octets, ".dot\r\n");
  EXPECT_EQ(seeing.letters()[0].to.size(), 2U);
}

TEST_F(SinkSession, ChunksMakeALetter) {
  start();
  Caller caller = greeted();
  caller.send(
      "MAIL FROM:<a@x.ru> BODY=BINARYMIME\r\nRCPT TO:<b@y.ru>\r\nBDAT 4\r\nab\r\nBDAT 3 "
      "LAST\r\n.\r\n");
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(caller.reply().substr(0, 3), "250");
  ASSERT_EQ(seeing.letters().size(), 1U);
  EXPECT_EQ(seeing.letters()[0].octets, "ab\r\n.\r\n");
  EXPECT_TRUE(seeing.letters()[0].by_chunks);
}

TEST_F(SinkSession, TakesWhatBreaksTheRulesAndSaysSo) {
  start();
  Caller caller = greeted();
  caller.send("MAIL FROM:<a@x.ru>\r\nRCPT TO:<b@y.ru>\r\nDATA\r\n");
  for (int i = 0; i < 3; ++i)
    caller.reply();
  caller.send("bare\nline\r\n.\r\n");
  EXPECT_EQ(caller.reply().substr(0, 3), "250");
  EXPECT_TRUE(seeing.letters().at(0).violations.bare_lf);
  EXPECT_FALSE(seeing.letters().at(0).violations.nul);
}

TEST_F(SinkSession, ALargeLetterPassesAndItsHeadIsBounded) {
  start();
  Caller caller = greeted();
  caller.send("MAIL FROM:<a@x.ru>\r\nRCPT TO:<b@y.ru>\r\nDATA\r\n");
  for (int i = 0; i < 3; ++i)
    caller.reply();
  std::string letter;
  while (letter.size() < 300000)
    letter += "a line of a letter that is long\r\n";
  caller.send(letter + ".\r\n");
  EXPECT_EQ(caller.reply().substr(0, 3), "250");
  EXPECT_EQ(seeing.letters().at(0).octets, letter);
  EXPECT_EQ(seeing.letters().at(0).head, letter.substr(0, kHeadOctets));
}

TEST_F(SinkSession, WhatIsTooLargeIsRefusedDeclaredOrNot) {
  options.max_size = 100;
  start();
  Caller caller = greeted();
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru> SIZE=101"), "552");
  caller.send("MAIL FROM:<a@x.ru>\r\nRCPT TO:<b@y.ru>\r\nDATA\r\n");
  for (int i = 0; i < 3; ++i)
    caller.reply();
  caller.send(std::string(200, 'x') + "\r\n.\r\n");
  EXPECT_EQ(caller.reply().substr(0, 3), "552");
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
  EXPECT_EQ(seeing.letters().size(), 1U);
  EXPECT_EQ(sink->counts().refused, 2U);
}

TEST_F(SinkSession, WhatCannotBeKeptComesAgain) {
  seeing.is_full = true;
  start();
  Caller caller = greeted();
  EXPECT_EQ(letter_codes(caller), "250 250 354 452");
  EXPECT_EQ(sink->counts().messages, 0U);
}

TEST_F(SinkSession, ConnectionsBeyondTheLimitAreTurnedAway) {
  options.max_connections = 1;
  start();
  Caller first = greeted();
  Caller second = call();
  EXPECT_EQ(second.reply().substr(0, 3), "421");
  EXPECT_TRUE(is_closed(second));
  EXPECT_EQ(first.code("NOOP"), "250");
  EXPECT_FALSE(first.wire().has_ended());
}

TEST_F(SinkSession, StarttlsAndLoginOverIt) {
  auto context = self_signed_context("sink.test");
  ASSERT_TRUE(context) << context.error().text;
  options.tls = *context;
  options.accounts = {
      {"ann", "secret"}
  };
  options.auth_required = true;
  start();
  Caller caller = greeted();
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru>"), "530");
  EXPECT_EQ(caller.code("STARTTLS"), "220");
  const auto client = client_context();
  ASSERT_TRUE(caller.wire().handshake(client.get(), false));
  EXPECT_THAT(caller.ask("EHLO again.test"), HasSubstr("AUTH SCRAM-SHA-256-PLUS"));
  EXPECT_EQ(caller.code("AUTH PLAIN " + to_base64(std::string("\0ann\0wrong", 10))), "535");
  EXPECT_EQ(caller.code("AUTH LOGIN"), "334");
  EXPECT_EQ(caller.code(to_base64("ann")), "334");
  EXPECT_EQ(caller.code(to_base64("secret")), "235");
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
  EXPECT_EQ(seeing.letters().at(0).identity, "ann");
  EXPECT_EQ(seeing.letters().at(0).tls, "TLSv1.3");
}

TEST_F(SinkSession, AnExchangeCanBeCalledOff) {
  options.accounts = {
      {"ann", "secret"}
  };
  start();
  Caller caller = greeted();
  EXPECT_EQ(caller.code("AUTH PLAIN"), "334");
  EXPECT_EQ(caller.code("*"), "501");
  EXPECT_EQ(caller.code("AUTH PLAIN !"), "501");
  EXPECT_EQ(caller.code("AUTH PLAIN " + to_base64(std::string("\0ann\0secret", 11))), "235");
}

TEST_F(SinkSession, TlsFromTheFirstOctet) {
  auto context = self_signed_context("sink.test");
  ASSERT_TRUE(context) << context.error().text;
  options.tls = *context;
  options.implicit_tls = true;
  start();
  Caller caller = call();
  const auto client = client_context();
  ASSERT_TRUE(caller.wire().handshake(client.get(), false));
  EXPECT_EQ(caller.reply().substr(0, 3), "220");
  EXPECT_THAT(caller.ask("EHLO client.test"), Not(HasSubstr("STARTTLS")));
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
}

TEST_F(SinkSession, CommandsBehindStarttlsAreNotObeyed) {
  auto context = self_signed_context("sink.test");
  ASSERT_TRUE(context) << context.error().text;
  options.tls = *context;
  start();
  Caller caller = greeted();
  caller.send("STARTTLS\r\nNOOP\r\n");
  EXPECT_EQ(caller.reply().substr(0, 3), "554");
  EXPECT_TRUE(is_closed(caller));
}

TEST_F(SinkSession, SeveralThreadsShareTheWork) {
  options.threads = 3;
  start();
  std::vector<std::thread> clients;
  for (int i = 0; i < 6; ++i)
    clients.emplace_back([this] {
      Caller caller = greeted();
      for (int n = 0; n < 20; ++n)
        EXPECT_EQ(letter_codes(caller), "250 250 354 250");
    });
  for (std::thread& client : clients)
    client.join();
  EXPECT_EQ(sink->counts().messages, 120U);
  EXPECT_EQ(seeing.letters().size(), 120U);
}

TEST_F(SinkSession, StopSaysGoodbyeToThoseThatWait) {
  start();
  Caller caller = greeted();
  sink->stop();
  EXPECT_EQ(caller.reply().substr(0, 9), "421 4.3.2");
  EXPECT_EQ(sink->counts().open, 0U);
}

TEST_F(SinkSession, APausedSinkRefusesConnectionsAndComesBackOnItsPort) {
  options.listen.front().port(test::free_port());
  start();
  Caller before = greeted();
  sink->pause();
  EXPECT_FALSE(call().is_connected());
  EXPECT_EQ(letter_codes(before), "250 250 354 250");
  const auto resumed = sink->resume();
  ASSERT_TRUE(resumed) << resumed.error().text;
  Caller after = greeted();
  EXPECT_EQ(letter_codes(after), "250 250 354 250");
}

TEST_F(SinkSession, APortThatIsTakenIsAnError) {
  start();
  SinkOptions second;
  second.listen = {sink->endpoints().front()};
  const auto started = Sink::start(second, nullptr);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().text, HasSubstr("cannot listen on 127.0.0.1"));
}

}  // namespace
}  // namespace postern::sink
