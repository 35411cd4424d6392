// SPDX-License-Identifier: Apache-2.0
#include "sink_fixture.h"

#include <gmock/gmock.h>

// Each kind of fault over a socket.

namespace postern::sink {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SinkFaults : public SinkTest {};

TEST_F(SinkFaults, ARecipientIsRefusedAndTheOthersAreNot) {
  with("fail", "rcpt:450:to=bob@*:text=come again");
  start();
  Caller caller = greeted();
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru>"), "250");
  EXPECT_EQ(caller.ask("RCPT TO:<Bob@y.ru>"), "450 4.0.0 come again");
  EXPECT_EQ(caller.code("RCPT TO:<ann@y.ru>"), "250");
  EXPECT_EQ(caller.code("RSET"), "250");
  EXPECT_EQ(letter_codes(caller, "ann@y.ru"), "250 250 354 250");
  EXPECT_EQ(sink->counts().refused, 1U);
}

TEST_F(SinkFaults, DataIsTheEndOfALetterAndDataCommandIsNot) {
  with("fail", "data:550:to=bob@*");
  with("fail", "data-command:451:from=slow@*");
  start();
  Caller caller = greeted();
  EXPECT_EQ(letter_codes(caller, "bob@y.ru"), "250 250 354 550");
  EXPECT_EQ(letter_codes(caller, "ann@y.ru", "slow@x.ru"), "250 250 451");
  EXPECT_EQ(caller.code("RSET"), "250");
  EXPECT_EQ(letter_codes(caller, "ann@y.ru"), "250 250 354 250");
  EXPECT_EQ(seeing.letters().size(), 1U);
}

TEST_F(SinkFaults, EveryStageCanFail) {
  for (const char* const spec :
       {"helo:421:first=1", "starttls:454", "auth:454", "mail:451:nth=1", "rset:421"})
    with("fail", spec);
  auto context = self_signed_context("sink.test");
  ASSERT_TRUE(context);
  options.tls = *context;
  options.accounts = {
      {"ann", "secret"}
  };
  start();
  Caller first = call();
  first.reply();
  EXPECT_EQ(first.code("EHLO client.test"), "421");
  EXPECT_TRUE(is_closed(first));
  Caller caller = greeted();
  EXPECT_EQ(caller.code("STARTTLS"), "454");
  EXPECT_EQ(caller.code("AUTH PLAIN"), "454");
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru>"), "451");
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru>"), "250");
  EXPECT_EQ(caller.code("RSET"), "421");
  EXPECT_TRUE(is_closed(caller));
}

TEST_F(SinkFaults, TheGreetingCanBeARefusal) {
  with("fail", "connect:554:text=not today");
  start();
  Caller caller = call();
  EXPECT_EQ(caller.reply(), "554 not today");
  EXPECT_TRUE(is_closed(caller));
}

TEST_F(SinkFaults, AChunkIsRefusedAndItsOctetsAreNoCommands) {
  with("fail", "bdat:452:nth=1");
  start();
  Caller caller = greeted();
  caller.send(
      "MAIL FROM:<a@x.ru>\r\nRCPT TO:<b@y.ru>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\n");
  EXPECT_EQ(caller.reply().substr(0, 3), "250");
  EXPECT_EQ(caller.reply().substr(0, 3), "250");
  EXPECT_EQ(caller.reply().substr(0, 3), "452");
  EXPECT_EQ(caller.reply().substr(0, 3), "503");
  EXPECT_EQ(caller.code("RSET"), "250");
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
}

TEST_F(SinkFaults, AfterDataTheLetterIsKeptAndTheReplyIsNot) {
  with("drop", "after-data");
  start();
  Caller caller = greeted();
  EXPECT_EQ(letter_codes(caller), "250 250 354 ");
  EXPECT_TRUE(is_closed(caller));
  EXPECT_EQ(seeing.letters().size(), 1U);
  EXPECT_EQ(sink->counts().messages, 1U);
}

TEST_F(SinkFaults, BeforeDataNothingIsKept) {
  with("drop", "before-data:nth=1");
  start();
  Caller caller = greeted();
  EXPECT_EQ(letter_codes(caller), "250 250 354 ");
  EXPECT_TRUE(seeing.letters().empty());
  Caller again = greeted();
  EXPECT_EQ(letter_codes(again), "250 250 354 250");
}

TEST_F(SinkFaults, ADropFollowsTheRepliesOfTheCommandsBefore) {
  with("drop", "before-rcpt:nth=2");
  start();
  Caller caller = greeted();
  caller.send("MAIL FROM:<a@x.ru>\r\nRCPT TO:<b@y.ru>\r\nRCPT TO:<c@y.ru>\r\nDATA\r\n");
  EXPECT_EQ(caller.reply().substr(0, 9), "250 2.1.0");
  EXPECT_EQ(caller.reply().substr(0, 9), "250 2.1.5");
  EXPECT_TRUE(is_closed(caller));
}

TEST_F(SinkFaults, AnsweredIsBehindTheReply) {
  with("drop", "answered-helo");
  start();
  Caller caller = call();
  caller.reply();
  EXPECT_EQ(caller.code("EHLO client.test"), "250");
  EXPECT_TRUE(is_closed(caller));
}

TEST_F(SinkFaults, AfterAGroupOfChunksOnlyTheLastReplyIsMissing) {
  with("drop", "after-data");
  start();
  Caller caller = greeted();
  caller.send("MAIL FROM:<a@x.ru>\r\nRCPT TO:<b@y.ru>\r\nBDAT 3 LAST\r\nx\r\n");
  EXPECT_EQ(caller.reply().substr(0, 9), "250 2.1.0");
  EXPECT_EQ(caller.reply().substr(0, 9), "250 2.1.5");
  EXPECT_TRUE(is_closed(caller));
  EXPECT_EQ(seeing.letters().size(), 1U);
}

TEST_F(SinkFaults, AReset) {
  with("drop", "reset");
  start();
  Caller caller = call();
  EXPECT_TRUE(is_closed(caller));
}

TEST_F(SinkFaults, AStalledSessionSaysNothingAndEndsWithItsClient) {
  with("stall", "mail");
  start();
  {
    Caller caller = greeted();
    caller.send("MAIL FROM:<a@x.ru>\r\nNOOP\r\n");
    // Another session is served meanwhile.
    Caller other = greeted();
    EXPECT_EQ(other.code("NOOP"), "250");
    EXPECT_FALSE(caller.wire().has_unread());
    EXPECT_FALSE(caller.wire().has_ended());
    EXPECT_EQ(sink->counts().open, 2U);
  }
  sink->stop();
  EXPECT_EQ(sink->counts().open, 0U);
}

TEST_F(SinkFaults, StopEndsAStallWithoutAWord) {
  with("stall", "");
  start();
  Caller caller = call();
  Caller second = call();
  while (sink->counts().open < 2)
    std::this_thread::yield();
  sink->stop();
  EXPECT_TRUE(is_closed(caller));
}

TEST_F(SinkFaults, ADelayIsWaitedOut) {
  with("delay", "mail:30ms");
  start();
  Caller caller = greeted();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru>"), "250");
  // A timer never fires early.
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(30));
}

TEST_F(SinkFaults, StopEndsADelay) {
  with("delay", "mail:60m");
  start();
  Caller caller = greeted();
  caller.send("MAIL FROM:<a@x.ru>\r\n");
  Caller other = greeted();
  EXPECT_EQ(other.code("NOOP"), "250");
  sink->stop();
  EXPECT_EQ(sink->counts().open, 0U);
}

TEST_F(SinkFaults, SlowReadingTakesItsTime) {
  with("slow-read", "100000");
  start();
  Caller caller = greeted();
  caller.send("MAIL FROM:<a@x.ru>\r\nRCPT TO:<b@y.ru>\r\nDATA\r\n");
  for (int i = 0; i < 3; ++i)
    caller.reply();
  const auto before = std::chrono::steady_clock::now();
  std::string letter;
  while (letter.size() < 10000)
    letter += "a line of a letter\r\n";
  caller.send(letter + ".\r\n");
  EXPECT_EQ(caller.reply().substr(0, 3), "250");
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(90));
  EXPECT_EQ(seeing.letters().at(0).octets, letter);
}

TEST_F(SinkFaults, HiddenExtensionsAreNeitherOfferedNorObeyed) {
  with("no-ext", "CHUNKING,DSN,SIZE,SMTPUTF8,8BITMIME,ENHANCEDSTATUSCODES");
  start();
  Caller caller = call();
  caller.reply();
  const std::string offered = caller.ask("EHLO client.test");
  EXPECT_THAT(offered, Not(HasSubstr("CHUNKING")));
  EXPECT_THAT(offered, Not(HasSubstr("DSN")));
  EXPECT_THAT(offered, HasSubstr("PIPELINING"));
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru> SIZE=3"), "555");
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru> RET=FULL"), "555");
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru> BODY=8BITMIME"), "555");
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru> SMTPUTF8"), "555");
  EXPECT_EQ(caller.ask("MAIL FROM:<a@x.ru>"), "250 sender ok");
  EXPECT_EQ(caller.code("RCPT TO:<b@y.ru> NOTIFY=NEVER"), "555");
  EXPECT_EQ(caller.code("RCPT TO:<b@y.ru>"), "250");
  caller.send("BDAT 6 LAST\r\nQUIT\r\n");
  EXPECT_EQ(caller.reply().substr(0, 3), "502");
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
}

TEST_F(SinkFaults, AHandshakeThatFails) {
  with("tls-fail", "");
  auto context = self_signed_context("sink.test");
  ASSERT_TRUE(context);
  options.tls = *context;
  start();
  Caller caller = greeted();
  EXPECT_EQ(caller.code("STARTTLS"), "220");
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> client(SSL_CTX_new(TLS_client_method()),
                                                                 &SSL_CTX_free);
  EXPECT_FALSE(caller.wire().handshake(client.get(), false));
}

TEST_F(SinkFaults, AFaultCountsForTheNextCommandOfOpenSessions) {
  start();
  Caller caller = greeted();
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
  now_with("fail", "mail:450");
  EXPECT_EQ(caller.code("MAIL FROM:<a@x.ru>"), "450");
  sink->faults().clear();
  EXPECT_EQ(letter_codes(caller), "250 250 354 250");
  now_with("no-ext", "STARTTLS,PIPELINING");
  EXPECT_THAT(caller.ask("EHLO client.test"), Not(HasSubstr("PIPELINING")));
}

}  // namespace
}  // namespace postern::sink
