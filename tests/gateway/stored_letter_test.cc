// SPDX-License-Identifier: Apache-2.0
// Letters of listeners with delivery = "queue" or "auto", between servers with Exchange's habits.
#include "server_fixture.h"
#include "stored_letters.h"
#include "support/folder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace postern::gateway {
namespace {

using test::At;
using test::ExchangeClient;
using test::ExchangeClientHabits;
using test::Fault;
using test::Mail;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// What holds in both modes.
class StoredLetterTest : public ServerTest, public ::testing::WithParamInterface<const char*> {
 protected:
  StoredLetterTest() {
    setup.delivery = GetParam();
    setup.after = kQuick;
  }
  bool is_auto() const { return setup.delivery == "auto"; }
  ExchangeClient::Outcome send(const std::vector<std::string>& to,
                               const std::string& from = "a@corp.com",
                               const std::string& octets = kMessage) {
    ExchangeClient exchange = client();
    return exchange.send(from, to, octets);
  }
};

INSTANTIATE_TEST_SUITE_P(Of,
                         StoredLetterTest,
                         ::testing::Values("queue", "auto"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(StoredLetterTest, ReachesEveryNextHopOnceWithAllItsRecipientsR14) {
  start();
  const auto outcome = send({"u@company.ru", "v@tech.company.ru", "w@company.ru"});
  EXPECT_TRUE(outcome.delivered()) << outcome.end;
  EXPECT_THAT(x.wait_for_mails(1)[0].rcpt,
              ElementsAre(HasSubstr("<u@company.ru>"), HasSubstr("<w@company.ru>")));
  EXPECT_THAT(v.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("<v@tech.company.ru>")));
  EXPECT_THAT(v.mails()[0].octets, HasSubstr("\r\nReceived: from "));
  EXPECT_THAT(v.mails()[0].octets, StartsWith("Postern-Trace: "));
  EXPECT_THAT(v.mails()[0].octets, EndsWith(std::string("\r\n") + kMessage));
  EXPECT_EQ(x.mails().size(), 1U);
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_TRUE(ledger.balances());
  EXPECT_EQ(ledger.delivered, 3);
}

TEST_P(StoredLetterTest, ComesByChunksAndGoesByDataOrChunks) {
  start();
  ExchangeClientHabits habits;
  habits.chunks = {7, 1, 3};
  ExchangeClient exchange = client(habits);
  const std::string octets = "Subject: t\r\n\r\n.dot\r\n" + std::string(300'000, 'x') + "\r\n";
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@company.ru"}, octets).delivered());
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@tech.company.ru"}, octets).delivered());
  EXPECT_THAT(x.wait_for_mails(1)[0].octets, EndsWith("\r\n" + octets));
  EXPECT_THAT(v.wait_for_mails(1)[0].octets, EndsWith("\r\n" + octets));
}

TEST_P(StoredLetterTest, IsTakenWhileTheNextHopIsAwayAndDeliveredOnceWhenItReturnsS10) {
  v.plan(At::connect, say_and_close("421 4.3.2 later"));
  v.plan(At::mail, say("451 4.7.0 not yet"));
  start();
  EXPECT_TRUE(send({"u@tech.company.ru"}).delivered());
  EXPECT_EQ(v.wait_for_mails(1).size(), 1U);
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.delivered, 1);
  EXPECT_EQ(v.mails().size(), 1U);
  wait_for_line("outcome=queued");
  wait_for_line("outcome=deferred");
  wait_for_line("outcome=delivered");
}

TEST_P(StoredLetterTest, BouncesToTheSenderWhatIsRefusedForOneOfSeveralR17) {
  v.plan(At::rcpt, say("550 5.1.1 no such mailbox"));
  start();
  const auto outcome = send({"no@tech.company.ru", "yes@tech.company.ru"}, "sender@company.ru");
  EXPECT_TRUE(outcome.delivered()) << outcome.end;
  EXPECT_THAT(v.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("<yes@tech.company.ru>")));
  const Mail bounce = x.wait_for_mails(1)[0];
  EXPECT_EQ(bounce.mail.substr(0, 12), "MAIL FROM:<>");
  EXPECT_THAT(bounce.rcpt, ElementsAre(HasSubstr("<sender@company.ru>")));
  EXPECT_THAT(bounce.octets, HasSubstr("Final-Recipient: rfc822; no@tech.company.ru"));
  EXPECT_THAT(bounce.octets, HasSubstr("550 5.1.1 no such mailbox"));
  EXPECT_THAT(bounce.octets, HasSubstr("Subject: t"));
  EXPECT_THAT(bounce.octets, Not(HasSubstr("yes@tech.company.ru")));
  const spool::Ledger ledger = wait_for_queue(0);
  EXPECT_EQ(ledger.failed, 1);
  EXPECT_EQ(ledger.delivered, 2) << "the other recipient, and the bounce";
  EXPECT_TRUE(ledger.balances());
}

TEST_P(StoredLetterTest, NeverAnswersTheNullSenderR17) {
  v.plan(At::rcpt, say("550 5.1.1 no such mailbox"));
  start();
  EXPECT_TRUE(send({"no@tech.company.ru", "yes@tech.company.ru"}, "").delivered());
  EXPECT_EQ(wait_for_queue(0).failed, 1);
  EXPECT_EQ(v.mails().size(), 1U);
  EXPECT_TRUE(x.mails().empty());
  wait_for_line("outcome=failed");
}

TEST_P(StoredLetterTest, SaysThatNobodyWasToldWhereNotifyIsNever) {
  v.plan(At::rcpt, say("550 5.1.1 no such mailbox"));
  start();
  const std::string never = "no@tech.company.ru> NOTIFY=NEVER ORCPT=rfc822;no";  // and ">"
  EXPECT_TRUE(send({never, "yes@tech.company.ru"}, "sender@company.ru").delivered());
  EXPECT_EQ(wait_for_queue(0).failed, 1);
  EXPECT_TRUE(x.mails().empty());
  wait_for_line("outcome=failed");
  EXPECT_THAT(log_lines(), Not(Contains(HasSubstr("outcome=bounced"))));
}

TEST_P(StoredLetterTest, KeepsThePromiseWhenTheNextHopBreaksOffWithinTheMessageR15) {
  Fault close;
  close.kind = Fault::Kind::close;
  v.plan(At::chunk, close);
  start();
  const std::string octets = "Subject: t\r\n\r\n" + std::string(200'000, 'x') + "\r\n";
  EXPECT_TRUE(send({"u@tech.company.ru"}, "a@corp.com", octets).delivered());
  EXPECT_EQ(v.wait_for_mails(1).size(), 1U);
  EXPECT_EQ(wait_for_queue(0).delivered, 1);
}

TEST_P(StoredLetterTest, StopsARecipientThatCirclesAndDeliversTheOthersR13) {
  start();
  send({"u@tech.company.ru"});
  std::string octets = v.wait_for_mails(1)[0].octets;
  // Twice through the gateway is right, three times is a loop.
  send({"u@tech.company.ru"}, "a@corp.com", octets);
  octets = v.wait_for_mails(2)[1].octets;
  const auto alone = send({"u@tech.company.ru"}, "a@corp.com", octets);
  EXPECT_THAT(alone.end, StartsWith("554 5.4.6"));
  const auto both = send({"u@tech.company.ru", "w@tech.company.ru"}, "s@company.ru", octets);
  EXPECT_TRUE(both.delivered()) << both.end;
  EXPECT_THAT(v.wait_for_mails(3)[2].rcpt, ElementsAre(HasSubstr("<w@tech.company.ru>")));
  EXPECT_THAT(x.wait_for_mails(1)[0].octets, HasSubstr("u@tech.company.ru"));
  EXPECT_TRUE(wait_for_queue(0).balances());
}

TEST_P(StoredLetterTest, WaitsInTheSpoolWhenTheGatewayStops) {
  v.plan(At::connect, say_and_close("421 4.3.2 later"));
  v.plan(At::connect, say_and_close("421 4.3.2 later"));
  setup.after = "[retry]\nfirst = \"1h\"\nmax = \"1h\"\nlifetime = \"5d\"\n";
  start();
  EXPECT_TRUE(send({"u@tech.company.ru"}).delivered());
  stop();
  join();
  const spool::Ledger ledger = spool().stats().ledger;
  EXPECT_EQ(ledger.queued, 1);
  EXPECT_TRUE(ledger.balances());
}

TEST_P(StoredLetterTest, TlsRequiredNoIsKeptWithTheLetterAndPassedOn) {
  const test::Folder data;
  setup.data_dir = data.path();
  setup.next_hop_keys = "tls = \"verify\"\nhonour_tls_required_no = true";
  v.plan(At::mail, say("451 4.7.0 not yet"));
  start();
  EXPECT_TRUE(send({"kept@tech.company.ru"}).delivered());
  wait_for_line("451 4.7.");
  const std::string field = "tls-required: NO\r\n";
  EXPECT_TRUE(send({"u@tech.company.ru"}, "a@corp.com", field + kMessage).delivered());
  wait_for_line("not yet");
  stop();
  join();
  start();
  const Mail mail = v.wait_for_mails(1)[0];
  EXPECT_THAT(mail.rcpt, ElementsAre(HasSubstr("<u@tech.company.ru>")));
  EXPECT_THAT(mail.octets, EndsWith("\r\n" + field + kMessage));
  wait_for_line("the message says TLS-Required: No");
  EXPECT_EQ(wait_for_queue(1).delivered, 1) << "what does not say so waits";
  stop_now();
  join();
}

TEST_P(StoredLetterTest, RefusesWhatIsNoMessageAndKeepsNothingOfIt) {
  start();
  const auto outcome = send({"u@tech.company.ru"}, "a@corp.com", "Subject: t\r\n\r\nbare\nlf\r\n");
  EXPECT_THAT(outcome.end, StartsWith("550 5.6.11"));
  EXPECT_EQ(spool().stats().ledger.accepted, 0);
  EXPECT_EQ(spool().stats().memory_octets, 0);
}

}  // namespace
}  // namespace postern::gateway
