// SPDX-License-Identifier: Apache-2.0
// Copies that the gateway makes itself, between servers with Exchange's habits: each is a delivery
// of its own, and one that comes back is known.
#include "server_fixture.h"
#include "stored_letters.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

namespace postern::gateway {
namespace {

using test::At;
using test::ExchangeClient;
using test::Fault;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kLetter =
    "Date: Tue, 24 Nov 2026 16:00:00 +0300\r\nFrom: <a@corp.com>\r\n"
    "Message-ID: <1@corp.com>\r\nSubject: t\r\n\r\nhello\r\n";
constexpr const char* kJournal = "[[journal]]\nto = \"archive@company.ru\"\nvia = \"exchange\"\n";

class CopiesTest : public ServerTest {
 protected:
  CopiesTest() {
    setup.delivery = "queue";
    setup.domain_keys = "dual_delivery = \"*\"";
    setup.after = kQuick;
  }
  ExchangeClient::Outcome send(const std::vector<std::string>& to,
                               const std::string& octets = kLetter,
                               const std::string& listener = "mx",
                               const std::string& from = "a@corp.com") {
    ExchangeClient client("127.0.0.1", port(listener));
    return client.send(from, to, octets);
  }
  /// Until V's 250 is in the book as well.
  void wait_for_delivered(std::int64_t recipients) {
    while (spool().stats().ledger.delivered < recipients)
      std::this_thread::yield();
  }
  static Fault times(Fault fault, int times) {
    fault.times = static_cast<decltype(fault.times)>(times);
    return fault;
  }
};

class EveryDelivery : public CopiesTest, public ::testing::WithParamInterface<const char*> {
 protected:
  EveryDelivery() { setup.delivery = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Of,
                         EveryDelivery,
                         ::testing::Values("queue", "auto", "cut_through"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(EveryDelivery, ADualUsersLetterArrivesOnceInEachPlaceR4a) {
  start();
  EXPECT_TRUE(send({"u@company.ru"}).delivered());
  EXPECT_THAT(x.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("<u@company.ru>")));
  EXPECT_THAT(v.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("<u@tech.company.ru>")));
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.accepted, 2) << "the recipient and the copy";
  EXPECT_EQ(ledger.delivered, 2);
  EXPECT_TRUE(ledger.balances());
  EXPECT_EQ(x.mails().size(), 1U);
  EXPECT_EQ(v.mails().size(), 1U);
  EXPECT_THAT(x.mails()[0].octets, HasSubstr("; copy="));
  EXPECT_THAT(v.mails()[0].octets, HasSubstr("; copy="));
  wait_for_line("outcome=delivered decision=route stage=dual_delivery");
  EXPECT_THAT(log_lines(),
              Contains(::testing::AllOf(HasSubstr(" copy=dual "),
                                        HasSubstr("outcome=delivered"),
                                        HasSubstr("stage=dual_delivery"))));
}

TEST_P(EveryDelivery, WhatXForwardsToVIsKnownByItsTokenAndNotDoubledR13) {
  start();
  EXPECT_TRUE(send({"u@company.ru"}).delivered());
  const std::string forwarded = x.wait_for_mails(1)[0].octets;
  v.wait_for_mails(1);
  EXPECT_EQ(wait_for_queue(0).delivered, 2);
  EXPECT_TRUE(send({"u@tech.company.ru"}, forwarded).delivered()) << "250, and no bounce";
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.discarded, 1);
  EXPECT_EQ(ledger.accepted, 3);
  EXPECT_TRUE(ledger.balances());
  // Another user to whom X forwards it gets it, also in the same transaction.
  EXPECT_TRUE(send({"u@tech.company.ru", "w@tech.company.ru"}, forwarded).delivered());
  EXPECT_THAT(v.wait_for_mails(2)[1].rcpt, ElementsAre(HasSubstr("<w@tech.company.ru>")));
  EXPECT_EQ(wait_for_queue(0).discarded, 2);
  EXPECT_EQ(x.mails().size(), 1U);
  wait_for_line("a copy that comes back");
  EXPECT_THAT(log_lines(),
              Contains(::testing::AllOf(HasSubstr("outcome=discarded"),
                                        HasSubstr("a copy that comes back"))));
}

TEST_F(CopiesTest, XsOwnConnectorIsCutThroughAndKnowsTheTokenToo) {
  start();
  EXPECT_TRUE(send({"u@company.ru"}).delivered());
  const std::string forwarded = x.wait_for_mails(1)[0].octets;
  v.wait_for_mails(1);
  EXPECT_TRUE(send({"u@tech.company.ru"}, forwarded, "exchange").delivered());
  EXPECT_EQ(wait_for_queue(0).discarded, 1);
  EXPECT_TRUE(send({"u@company.ru"}, kLetter, "exchange").delivered()) << "no copy back to X (R7)";
  EXPECT_EQ(v.wait_for_mails(2).size(), 2U);
  EXPECT_EQ(x.mails().size(), 1U);
}

TEST_F(CopiesTest, AJournalGetsOneCopyOfALetterToThreeR14) {
  setup.domain_keys.clear();
  setup.after += kJournal;
  start();
  EXPECT_TRUE(send({"u@company.ru", "w@tech.company.ru", "y@company.ru"}).delivered());
  EXPECT_THAT(x.wait_for_mails(1)[0].rcpt,
              ElementsAre(HasSubstr("<u@company.ru>"),
                          HasSubstr("<y@company.ru>"),
                          HasSubstr("<archive@company.ru>")));
  EXPECT_EQ(v.wait_for_mails(1)[0].rcpt.size(), 1U);
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.accepted, 4);
  EXPECT_EQ(ledger.delivered, 4);
  EXPECT_EQ(x.mails().size(), 1U);
}

TEST_F(CopiesTest, AJournalGetsOneCopyOfALetterThatPassesTwiceS2) {
  setup.domain_keys.clear();
  setup.after += kJournal;
  start();
  EXPECT_TRUE(send({"u@company.ru"}).delivered());
  const std::string forwarded = x.wait_for_mails(1)[0].octets;
  EXPECT_EQ(wait_for_queue(0).accepted, 2);
  EXPECT_TRUE(send({"u@tech.company.ru"}, forwarded).delivered());
  EXPECT_THAT(v.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("<u@tech.company.ru>")));
  EXPECT_EQ(wait_for_queue(0).accepted, 3);
  EXPECT_EQ(x.mails().size(), 1U);
}

TEST_F(CopiesTest, AJournalThatRefusesIsTheLogsMatterAndNoBounce) {
  setup.domain_keys.clear();
  setup.after += "[[journal]]\nto = \"archive@tech.company.ru\"\nvia = \"vk\"\n";
  v.plan(At::rcpt, say("550 5.1.1 no archive here"));
  start();
  EXPECT_TRUE(send({"u@company.ru"}, kLetter, "mx", "s@company.ru").delivered());
  x.wait_for_mails(1);
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.failed, 1);
  EXPECT_EQ(ledger.delivered, 1);
  EXPECT_EQ(x.mails().size(), 1U) << "the sender is in X, and hears nothing";
  wait_for_line("outcome=failed");
  EXPECT_THAT(
      log_lines(),
      Contains(::testing::AllOf(
          HasSubstr(" copy=journal "), HasSubstr("outcome=failed"), HasSubstr("no archive here"))));
}

TEST_F(CopiesTest, ADualCopyThatIsRefusedIsToldToTheSender) {
  x.plan(At::rcpt, say("550 5.7.1 not you"));
  start();
  EXPECT_TRUE(send({"u@company.ru"}, kLetter, "mx", "s@company.ru").delivered());
  EXPECT_THAT(x.wait_for_mails(1)[0].octets, HasSubstr("550 5.7.1 not you"));
  EXPECT_THAT(v.wait_for_mails(2),
              Contains(Field(&test::Mail::octets, HasSubstr("550 5.7.1 not you"))))
      << "the sender has two mailboxes as well; the letter itself may come later";
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.failed, 1);
  EXPECT_EQ(ledger.accepted, 4);
}

TEST_F(CopiesTest, ARetryDoesNotForkAgain) {
  v.plan(At::mail, say("451 4.7.0 not yet"));
  x.plan(At::mail, say("451 4.7.0 not yet"));
  start();
  EXPECT_TRUE(send({"u@company.ru"}).delivered());
  x.wait_for_mails(1);
  v.wait_for_mails(1);
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.accepted, 2);
  EXPECT_EQ(ledger.delivered, 2);
  EXPECT_EQ(x.mails().size(), 1U);
  EXPECT_EQ(v.mails().size(), 1U);
  EXPECT_THAT(x.mails()[0].octets, HasSubstr("; copy=")) << "a retry keeps the token";
}

TEST_F(CopiesTest, ACopyForAUserWhoHasLeftXMeanwhileIsDropped) {
  x.plan(At::mail, times(say("451 4.7.0 not yet"), 5));
  start();
  EXPECT_TRUE(send({"u@company.ru"}).delivered());
  v.wait_for_mails(1);
  x.wait_for_command("MAIL");
  setup.domain_keys.clear();
  setup.route_to_x = false;
  reload();
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.discarded, 1);
  EXPECT_EQ(ledger.delivered, 1);
  EXPECT_EQ(x.mails().size(), 0U);
  EXPECT_EQ(v.mails().size(), 1U);
}

TEST_F(CopiesTest, ACopyThatNoStageAsksForAnyMoreStillGoesWhereItWasGoing) {
  setup.domain_keys.clear();
  setup.after += kJournal;
  x.plan(At::mail, times(say("451 4.7.0 not yet"), 5));
  start();
  EXPECT_TRUE(send({"w@tech.company.ru"}).delivered());
  v.wait_for_mails(1);
  x.wait_for_command("MAIL");
  setup.after = kQuick;
  reload();
  EXPECT_THAT(x.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("<archive@company.ru>")));
  EXPECT_EQ(wait_for_queue(0).delivered, 2);
}

TEST_F(CopiesTest, ACopySurvivesARestartAndGoesWhereItWasGoingR15) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / fmt::format("postern-copies-{}", ::getpid());
  setup.data_dir = folder.string();
  x.plan(At::mail, hold());
  start();
  EXPECT_TRUE(send({"u@company.ru"}).delivered());
  v.wait_for_mails(1);
  x.wait_for_held(1);
  wait_for_delivered(1);
  stop_now();
  join();
  x.release();
  start();
  EXPECT_THAT(x.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("<u@company.ru>")));
  EXPECT_THAT(x.mails()[0].octets, HasSubstr("; copy="));
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.accepted, 2);
  EXPECT_TRUE(ledger.balances());
  EXPECT_EQ(v.mails().size(), 1U) << "the recipient's own way was settled before";
  stop();
  join();
  std::filesystem::remove_all(folder);
}

TEST_F(CopiesTest, CutThroughSendsARecipientThatForksIntoTheNextTransaction) {
  setup.delivery = "cut_through";
  start();
  const auto outcome = send({"w@tech.company.ru", "u@company.ru"});
  EXPECT_THAT(outcome.rcpt, ElementsAre(HasSubstr("250"), HasSubstr("452 4.5.3")));
  EXPECT_TRUE(outcome.delivered());
  EXPECT_EQ(v.wait_for_mails(1)[0].rcpt.size(), 1U);
  EXPECT_EQ(spool().stats().ledger.accepted, 0) << "streamed";
}

TEST_F(CopiesTest, ADiscardListSays250AndIsCounted) {
  setup.after +=
      "[[list]]\naction = \"discard\"\nsenders = [\"@corp.com\"]\n"
      "[[list]]\naction = \"reject\"\nsenders = [\"@spam.example\"]\nreply = \"no\"\n";
  start();
  EXPECT_TRUE(send({"u@company.ru"}).delivered());
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.discarded, 1);
  EXPECT_EQ(ledger.accepted, 1) << "no copy of what is dropped";
  wait_for_line("outcome=discarded");
  const auto rejected = send({"u@company.ru"}, kLetter, "mx", "a@spam.example");
  EXPECT_THAT(rejected.rcpt, ElementsAre(HasSubstr("550 5.7.1 no")));
  EXPECT_TRUE(x.mails().empty());
  EXPECT_TRUE(v.mails().empty());
}

}  // namespace
}  // namespace postern::gateway
