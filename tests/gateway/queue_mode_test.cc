// SPDX-License-Identifier: Apache-2.0
// Letters of listeners with delivery = "queue" or "auto": what is different between the two, and
// retries.
#include "server_fixture.h"
#include "stored_letters.h"
#include "support/wire.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace postern::gateway {
namespace {

using test::At;
using test::ExchangeClient;
using test::Fault;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// The last line of a reply.
std::string reply_of(test::Wire& wire) {
  std::optional<std::string> line = wire.line();
  while (line && line->size() > 3 && (*line)[3] == '-')
    line = wire.line();
  return line.value_or("(closed)");
}

class QueueModeTest : public ServerTest {
 protected:
  QueueModeTest() { setup.after = kQuick; }
};

TEST_F(QueueModeTest, AutoPassesARefusalThatComesInTimeBackToTheSender) {
  setup.delivery = "auto";
  v.plan(At::last_chunk, say("550 5.7.1 not wanted here"));
  start();
  ExchangeClient exchange = client();
  const auto outcome = exchange.send("s@company.ru", {"u@tech.company.ru"}, kMessage);
  // Whichever comes first: the refusal, or the commit and then a bounce. Never both, never neither.
  const bool passed_back = outcome.end.starts_with("550 5.7.1 not wanted here");
  EXPECT_TRUE(passed_back || outcome.delivered()) << outcome.end;
  if (passed_back) {
    EXPECT_EQ(spool().stats().ledger.accepted, 0);
    EXPECT_THAT(log_lines(), Contains(HasSubstr("outcome=refused")));
  } else {
    EXPECT_EQ(x.wait_for_mails(1).size(), 1U);
  }
}

TEST_F(QueueModeTest, AutoGivesThe250FromTheCommitWhenTheNextHopIsSlow) {
  setup.delivery = "auto";
  v.plan(At::last_chunk, hold());
  start();
  ExchangeClient exchange = client();
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage).delivered());
  EXPECT_EQ(wait_for_queue(1).queued, 1);
  v.wait_for_held(1);
  v.release();
  EXPECT_EQ(wait_for_queue(0).delivered, 1);
  EXPECT_EQ(v.mails().size(), 1U);
}

TEST_F(QueueModeTest, QueueAnswersARefusalWithABounce) {
  setup.delivery = "queue";
  v.plan(At::last_chunk, say("550 5.7.1 not wanted here"));
  start();
  ExchangeClient exchange = client();
  EXPECT_TRUE(exchange.send("s@company.ru", {"u@tech.company.ru"}, kMessage).delivered());
  EXPECT_THAT(x.wait_for_mails(1)[0].octets, HasSubstr("550 5.7.1 not wanted here"));
}

TEST_F(QueueModeTest, ARetryGoesTheWayThatTheConfigNowSays) {
  setup.delivery = "queue";
  for (int i = 0; i < 2; ++i)
    x.plan(At::mail, say("451 4.7.0 not yet"));
  setup.after = "[retry]\nfirst = \"1s\"\nmax = \"1s\"\n";
  start();
  ExchangeClient exchange = client();
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@company.ru"}, kMessage).delivered());
  x.wait_for_command("MAIL");
  setup.route_to_x = false;  // company.ru has moved
  reload();
  EXPECT_THAT(v.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("<u@tech.company.ru>")));
  EXPECT_EQ(wait_for_queue(0).delivered, 1);
}

TEST_F(QueueModeTest, ANextHopMayHaveAScheduleOfItsOwn) {
  setup.delivery = "queue";
  setup.next_hop_keys = "retry_first = \"1s\"\nretry_max = \"1s\"";
  setup.after = "[retry]\nfirst = \"1h\"\nmax = \"2h\"\n";
  v.plan(At::mail, say("451 4.7.0 not yet"));
  start();
  ExchangeClient exchange = client();
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage).delivered());
  EXPECT_EQ(v.wait_for_mails(1).size(), 1U) << "not in an hour";
}

TEST_F(QueueModeTest, WarnsTheSenderOnceThatItTakesLonger) {
  setup.delivery = "queue";
  setup.after = "[retry]\nfirst = \"1s\"\nmax = \"1s\"\nlifetime = \"1h\"\nwarn_after = \"1s\"\n";
  Fault later = say("451 4.7.0 not yet");
  later.times = 3;
  v.plan(At::mail, later);
  start();
  ExchangeClient exchange = client();
  EXPECT_TRUE(exchange.send("s@company.ru", {"u@tech.company.ru"}, kMessage).delivered());
  EXPECT_EQ(v.wait_for_mails(1).size(), 1U);
  EXPECT_EQ(wait_for_queue(0).failed, 0);
  ASSERT_EQ(x.mails().size(), 1U) << "tried four times, warned once";
  EXPECT_EQ(x.mails()[0].mail.substr(0, 12), "MAIL FROM:<>");
  EXPECT_THAT(x.mails()[0].octets, HasSubstr("Action: delayed"));
  EXPECT_THAT(x.mails()[0].octets, HasSubstr("Will-Retry-Until: "));
}

TEST_F(QueueModeTest, KeepsAClientWaitingWhileBodiesInFlightFillTheirMemory) {
  setup.delivery = "queue";
  setup.after = "[limits]\nbody_memory = \"1MiB\"\n";
  v.plan(At::last_chunk, hold());
  start();
  constexpr std::int64_t kBudget = 1 << 20;
  const std::string octets = "Subject: t\r\n\r\n" + std::string(700'000, 'x') + "\r\n";
  {
    ExchangeClient first = client();
    EXPECT_TRUE(first.send("a@corp.com", {"u@tech.company.ru"}, octets).delivered());
  }
  v.wait_for_held(1);
  ExchangeClient second = client();
  ExchangeClient::Outcome outcome;
  std::thread sending([&] { outcome = second.send("a@corp.com", {"u@tech.company.ru"}, octets); });
  while (spool().memory_octets() <= kBudget)
    std::this_thread::yield();
  // It got over the budget by one block, and waits: none of it may be committed.
  EXPECT_LT(spool().memory_octets(), kBudget + (200 << 10));
  EXPECT_EQ(spool().stats().ledger.messages, 1);
  v.release();
  sending.join();
  EXPECT_TRUE(outcome.delivered()) << outcome.end;
  EXPECT_EQ(wait_for_queue(0).delivered, 2);
}

TEST_F(QueueModeTest, ALetterThatFindsNoMemoryInTimeComesAgain) {
  setup.delivery = "queue";
  setup.after = "[limits]\nbody_memory = \"1MiB\"\nbody_memory_wait = \"1s\"\n";
  v.plan(At::last_chunk, hold());
  start();
  const std::string octets = "Subject: t\r\n\r\n" + std::string(700'000, 'x') + "\r\n";
  {
    ExchangeClient first = client();
    EXPECT_TRUE(first.send("a@corp.com", {"u@tech.company.ru"}, octets).delivered());
  }
  v.wait_for_held(1);
  ExchangeClient second = client();
  // Nothing makes room meanwhile: the reply is what is waited for.
  const auto refused = second.send("b@corp.com", {"u@tech.company.ru"}, octets);
  EXPECT_THAT(refused.end, HasSubstr("452 4.3.1"));
  EXPECT_EQ(spool().stats().ledger.messages, 1);
  EXPECT_LT(spool().memory_octets(), 1 << 20) << "what was refused is in memory no more";
  v.release();
  EXPECT_EQ(wait_for_queue(0).delivered, 1);
  ExchangeClient third = client();
  EXPECT_TRUE(third.send("b@corp.com", {"u@tech.company.ru"}, octets).delivered());
  EXPECT_EQ(v.wait_for_mails(2).size(), 2U);
}

TEST_F(QueueModeTest, AHeaderBlockThatIsHeldBackCountsAsMemory) {
  setup.delivery = "queue";
  start();
  std::unique_ptr<test::Wire> wire = test::Wire::connect("127.0.0.1", port());
  ASSERT_TRUE(wire);
  for (const char* command :
       {"", "EHLO c", "MAIL FROM:<>", "RCPT TO:<u@tech.company.ru>", "DATA"}) {
    if (*command != '\0') wire->write(std::string(command) + "\r\n");
    const std::string reply = reply_of(*wire);
    ASSERT_TRUE(reply.starts_with("2") || reply.starts_with("354")) << command << ": " << reply;
  }
  constexpr std::int64_t kHeader = 100'000;
  wire->write("X-Long: " + std::string(kHeader, 'x'));
  while (spool().memory_octets() < kHeader)
    std::this_thread::yield();
  wire.reset();
  while (spool().memory_octets() > 0)
    std::this_thread::yield();
  EXPECT_EQ(spool().stats().ledger.accepted, 0);
}

TEST_F(QueueModeTest, RecipientsThatWereDeferredTogetherGoTogetherAgainR14) {
  setup.delivery = "queue";
  v.plan(At::last_chunk, say("451 4.3.0 not now"));
  start();
  ExchangeClient exchange = client();
  std::vector<std::string> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(fmt::format("u{}@tech.company.ru", i));
  EXPECT_TRUE(exchange.send("a@corp.com", all, kMessage).delivered());
  EXPECT_EQ(v.wait_for_mails(1)[0].rcpt.size(), 8U);
  EXPECT_EQ(wait_for_queue(0).delivered, 8);
  EXPECT_EQ(v.mails().size(), 1U);
}

TEST_F(QueueModeTest, AHopThatSaysTooManyRecipientsToEverybodyIsNotAskedAtOnceAgain) {
  setup.delivery = "queue";
  Fault full = say("452 4.5.3 too many recipients");
  full.times = 3;
  v.plan(At::rcpt, full);
  start();
  ExchangeClient exchange = client();
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage).delivered());
  v.wait_for_mails(1);
  std::vector<std::string> deferred;
  for (const std::string& line : log_lines()) {
    if (line.find("outcome=deferred") != std::string::npos) deferred.push_back(line);
  }
  ASSERT_EQ(deferred.size(), 3U);
  EXPECT_EQ(v.count_commands("RCPT"), 4U);
  EXPECT_THAT(deferred[2], Not(HasSubstr(" seconds=0."))) << "two pauses of a second";
}

TEST_F(QueueModeTest, AFactOfDnsIsAnAnswerAndNoDeadHop) {
  setup.delivery = "queue";
  setup.before = "relay.allow_without_auth = [\"127.0.0.1\"]";
  setup.after = "[retry]\nfirst = \"1h\"\nmax = \"1h\"\n";
  start();
  ExchangeClient exchange = client();
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(exchange.send("s@company.ru", {"a@no-such.example"}, kMessage).delivered());
  }
  // All of them at once: with the lane's circuit broken the third would wait for an hour.
  EXPECT_EQ(x.wait_for_mails(6).size(), 6U);
  EXPECT_THAT(x.mails()[5].octets, HasSubstr("550 5.1.2"));
  EXPECT_EQ(wait_for_queue(0).failed, 6);
}

TEST_F(QueueModeTest, ABacklogThatChangesItsWayGoesItAtOnce) {
  setup.delivery = "queue";
  Fault away;
  away.kind = Fault::Kind::say_and_close;
  away.reply = "554 5.3.2 no service";
  away.times = 1000;
  x.plan(At::connect, away);
  setup.next_hop_keys = "max_connections = 8";
  setup.after = "[retry]\nfirst = \"1s\"\nmax = \"1s\"\n";
  start();
  constexpr std::size_t kBacklog = 3000;
  for (std::size_t i = 0; i < kBacklog;) {
    ExchangeClient exchange = client();
    for (int k = 0; k < 20 && i < kBacklog; ++k, ++i)
      ASSERT_TRUE(exchange.send("a@corp.com", {"u@company.ru"}, kMessage).delivered());
  }
  EXPECT_EQ(wait_for_queue(kBacklog).queued, static_cast<std::int64_t>(kBacklog));
  setup.route_to_x = false;
  reload();
  EXPECT_EQ(wait_for_queue(0).delivered, static_cast<std::int64_t>(kBacklog));
  EXPECT_EQ(v.mails().size(), kBacklog);
}

TEST_F(QueueModeTest, WhoWasCutOverDoesNotWaitBehindWhoWasNot) {
  setup.delivery = "queue";
  Fault away;
  away.kind = Fault::Kind::say_and_close;
  away.reply = "554 5.3.2 no service";
  away.times = 1000;
  x.plan(At::connect, away);
  setup.after =
      "[retry]\nfirst = \"1s\"\nmax = \"1s\"\n"
      "[[domain]]\nname = \"stays.ru\"\nmailboxes = \"exchange\"\n";
  start();
  constexpr std::size_t kMoved = 20;
  ExchangeClient exchange = client();  // one session: all are in one worker's lane
  ASSERT_TRUE(exchange.send("a@corp.com", {"u@stays.ru"}, kMessage).delivered());
  for (std::size_t i = 0; i < kMoved; ++i) {
    if (i % 7 == 3) ASSERT_TRUE(exchange.send("a@corp.com", {"u@stays.ru"}, kMessage).delivered());
    ASSERT_TRUE(exchange.send("a@corp.com", {"u@company.ru"}, kMessage).delivered());
  }
  setup.route_to_x = false;
  reload();
  // X is still away: those of its own users wait on.
  EXPECT_EQ(v.wait_for_mails(kMoved).size(), kMoved);
  EXPECT_EQ(wait_for_queue(4).delivered, static_cast<std::int64_t>(kMoved));
}

TEST_F(QueueModeTest, WhatIsTooOldForADeadHopIsGivenUpAndNoneIsForgotten) {
  setup.delivery = "queue";
  Fault away;
  away.kind = Fault::Kind::say_and_close;
  away.reply = "554 5.3.2 no service";
  away.times = 1000;
  v.plan(At::connect, away);
  setup.after = "[retry]\nfirst = \"1s\"\nmax = \"1s\"\nlifetime = \"2s\"\nwarn_after = \"0s\"\n";
  start();
  constexpr int kLetters = 120;  // more than are looked at in one go
  for (int i = 0; i < kLetters;) {
    ExchangeClient exchange = client();
    for (int k = 0; k < 20; ++k, ++i)
      ASSERT_TRUE(exchange.send("", {"u@tech.company.ru"}, kMessage).delivered());
  }
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.failed, kLetters);
  EXPECT_TRUE(ledger.balances());
}

TEST_F(QueueModeTest, ADeadHopDoesNotFillTheMemoryOfTheOthers) {
  setup.delivery = "queue";
  setup.after = "[limits]\nbody_memory = \"1MiB\"\n[retry]\nfirst = \"1h\"\nmax = \"1h\"\n";
  Fault away;
  away.kind = Fault::Kind::say_and_close;
  away.reply = "554 5.3.2 no service";
  away.times = 1000;
  x.plan(At::connect, away);
  start();
  const std::string octets = "Subject: t\r\n\r\n" + std::string(200'000, 'x') + "\r\n";
  ExchangeClient exchange = client();
  for (int i = 0; i < 12; ++i)
    ASSERT_TRUE(exchange.send("a@corp.com", {"u@company.ru"}, octets).delivered()) << i;
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@tech.company.ru"}, octets).delivered());
  EXPECT_EQ(v.wait_for_mails(1).size(), 1U);
  EXPECT_EQ(wait_for_queue(12).queued, 12);
}

}  // namespace
}  // namespace postern::gateway
