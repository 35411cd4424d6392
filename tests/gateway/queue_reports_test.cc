// SPDX-License-Identifier: Apache-2.0
// What senders are told of stored letters, and how much of it: RFC 3461 through the whole gateway.
#include "server_fixture.h"
#include "stored_letters.h"
#include "support/wire.h"

#include <gmock/gmock.h>

#include <set>

namespace postern::gateway {
namespace {

using test::At;
using test::ExchangeClient;
using test::Fault;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class QueueReportsTest : public ServerTest {
 protected:
  QueueReportsTest() { setup.delivery = "queue"; }
  explicit QueueReportsTest(const std::vector<std::string>& v_lacks) : ServerTest(v_lacks) {
    setup.delivery = "queue";
  }

  /// A letter whose sender wants to know of its success.
  void send_with_dsn(const std::string& ret) {
    const std::unique_ptr<test::Wire> wire = test::Wire::connect("127.0.0.1", port());
    ASSERT_TRUE(wire);
    const std::vector<std::string> says = {
        "",
        "EHLO client.corp.com\r\n",
        "MAIL FROM:<s@company.ru> RET=" + ret + " ENVID=QQ+2B314\r\n",
        "RCPT TO:<u@tech.company.ru> NOTIFY=SUCCESS,FAILURE "
        "ORCPT=rfc822;first+2Bway@company.ru\r\n",
        "DATA\r\n",
        "Subject: t\r\nX-Own: kept\r\n\r\nthe body\r\n.\r\n",
        "QUIT\r\n"};
    for (const std::string& line : says) {
      if (!line.empty()) wire->write(line);
      std::optional<std::string> reply = wire->line();
      while (reply && reply->size() > 3 && (*reply)[3] == '-')
        reply = wire->line();
      ASSERT_TRUE(reply && (reply->front() == '2' || reply->front() == '3'))
          << line << ": " << reply.value_or("(closed)");
    }
  }
};

class NoDsnAtVTest : public QueueReportsTest {
 protected:
  NoDsnAtVTest() : QueueReportsTest({"DSN"}) {}
};

TEST_F(QueueReportsTest, WhatWasAskedForGoesOnToAHopThatKnowsDsn) {
  start();
  send_with_dsn("HDRS");
  const test::Mail mail = v.wait_for_mails(1)[0];
  EXPECT_THAT(mail.mail, AllOf(HasSubstr("RET=HDRS"), HasSubstr("ENVID=QQ+2B314")));
  EXPECT_THAT(mail.rcpt,
              ElementsAre(AllOf(HasSubstr("NOTIFY=SUCCESS,FAILURE"),
                                HasSubstr("ORCPT=rfc822;first+2Bway@company.ru"))));
  EXPECT_EQ(wait_for_queue(0).accepted, 1) << "the report is the next hop's matter";
}

TEST_F(NoDsnAtVTest, TheSenderIsToldThatItWasRelayed) {
  start();
  send_with_dsn("FULL");
  const test::Mail mail = v.wait_for_mails(1)[0];
  EXPECT_THAT(mail.mail, Not(HasSubstr("ENVID")));
  EXPECT_THAT(mail.rcpt, ElementsAre(Not(HasSubstr("NOTIFY"))));
  const test::Mail report = x.wait_for_mails(1)[0];
  EXPECT_THAT(report.mail, HasSubstr("MAIL FROM:<>"));
  EXPECT_THAT(report.rcpt, ElementsAre(HasSubstr("RCPT TO:<s@company.ru>")));
  EXPECT_THAT(report.octets,
              AllOf(HasSubstr("Action: relayed"),
                    HasSubstr("Original-Envelope-Id: QQ+314"),
                    HasSubstr("Original-Recipient: rfc822; first+way@company.ru"),
                    HasSubstr("X-Own: kept"),
                    Not(HasSubstr("the body"))))
      << "RET is about failures (RFC 3461 4.3)";
  EXPECT_EQ(wait_for_queue(0).delivered, 2);
}

TEST_F(NoDsnAtVTest, AFailureReturnsWhatRetAsksFor) {
  Fault refuse = say("550 5.7.1 not wanted here");
  refuse.times = 2;
  v.plan(At::end_of_data, refuse);
  v.plan(At::last_chunk, refuse);
  start();
  send_with_dsn("HDRS");
  EXPECT_THAT(x.wait_for_mails(1)[0].octets,
              AllOf(HasSubstr("Action: failed"),
                    HasSubstr("Original-Envelope-Id: QQ+314"),
                    HasSubstr("Content-Type: text/rfc822-headers"),
                    Not(HasSubstr("the body"))));
  send_with_dsn("FULL");
  EXPECT_THAT(
      x.wait_for_mails(2)[1].octets,
      AllOf(HasSubstr("Action: failed"), HasSubstr("message/rfc822"), HasSubstr("the body")));
}

TEST_F(QueueReportsTest, EverySenderIsWarnedWhileTheHopSaysThatItIsBusy) {
  setup.after = "[retry]\nfirst = \"1s\"\nmax = \"1s\"\nlifetime = \"1h\"\nwarn_after = \"1s\"\n";
  Fault busy = say("421 4.3.2 try later");
  busy.times = 1000;
  v.plan(At::mail, busy);
  start();
  ExchangeClient exchange = client();
  constexpr int kLetters = 5;
  for (int i = 0; i < kLetters; ++i) {
    const std::string sender = "s" + std::to_string(i) + "@company.ru";
    ASSERT_TRUE(exchange.send(sender, {"u@tech.company.ru"}, kMessage).delivered());
  }
  std::set<std::string> warned;
  for (const auto& mail : x.wait_for_mails(kLetters)) {
    EXPECT_THAT(mail.octets, HasSubstr("Action: delayed"));
    warned.insert(mail.rcpt.at(0));
  }
  EXPECT_EQ(warned.size(), kLetters) << "each once";
}

TEST_F(QueueReportsTest, ABounceStormIsDamped) {
  setup.after = "[retry]\nreports_per_minute = 2\n";
  Fault refuse = say("550 5.7.1 not wanted here");
  refuse.times = 1000;
  v.plan(At::last_chunk, refuse);
  start();
  constexpr int kLetters = 6;
  ExchangeClient exchange = client();
  for (int i = 0; i < kLetters; ++i)
    ASSERT_TRUE(exchange.send("s@company.ru", {"u@tech.company.ru"}, kMessage).delivered());
  // Another sender's report is not held back by it.
  ASSERT_TRUE(exchange.send("other@company.ru", {"u@tech.company.ru"}, kMessage).delivered());
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_TRUE(ledger.balances());
  EXPECT_EQ(ledger.failed, kLetters + 1);
  std::multiset<std::string> told;
  for (const auto& mail : x.mails())
    told.insert(mail.rcpt.at(0).substr(0, mail.rcpt.at(0).find('>') + 1));
  EXPECT_EQ(told.count("RCPT TO:<s@company.ru>"), 2U);
  EXPECT_EQ(told.count("RCPT TO:<other@company.ru>"), 1U);
}

}  // namespace
}  // namespace postern::gateway
