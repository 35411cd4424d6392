// SPDX-License-Identifier: Apache-2.0
// All recipients, and DATA, in one group: how the queue asks.
#include "delivery_fixture.h"

#include <gmock/gmock.h>

namespace postern::queue {
namespace {

using test::At;
using test::ExchangeServer;
using test::Fault;
using ::testing::ElementsAre;
using ::testing::StartsWith;

Fault say(std::string reply, unsigned times = 1) {
  Fault fault;
  fault.kind = Fault::Kind::say;
  fault.reply = std::move(reply);
  fault.times = times;
  return fault;
}

class HopTransactionGroupTest : public DeliveryTest {
 protected:
  HopTransactionGroupTest() { hop.chunking = false; }

  Delivered send_group(std::vector<smtp::Recipient> recipients) {
    return run(group_to(std::move(recipients)));
  }

 private:
  net::Awaitable<Delivered> group_to(std::vector<smtp::Recipient> recipients) {
    const Letter letter;
    Delivered out;
    HopTransaction transaction(pool(), target(), letter.sender);
    out.recipients = co_await transaction.recipients(std::move(recipients));
    bool accepted = false;
    for (const smtp::Reply& reply : out.recipients)
      accepted = accepted || reply.is_positive();
    if (accepted) out.begin = co_await transaction.begin();
    if (out.begin.is_positive()) {
      out.taken = co_await transaction.write(letter.octets);
      out.final = co_await transaction.finish();
    }
    out.report = transaction.report();
    co_return out;
  }
};

TEST_F(HopTransactionGroupTest, GivesAReplyForEachRecipientInOrder) {
  ExchangeServer server;
  add_host(server);
  Fault refusal = say("550 5.1.10 not here");
  refusal.skip = 1;
  server.plan(At::rcpt, refusal);
  const Delivered d = send_group({to("a@company.ru"), to("b@company.ru"), to("c@company.ru")});
  ASSERT_EQ(d.recipients.size(), 3U);
  EXPECT_TRUE(d.recipients[0].is_positive());
  EXPECT_EQ(status_of(d.recipients[1]), "550 5.1.10");
  EXPECT_TRUE(d.recipients[2].is_positive());
  EXPECT_EQ(status_of(d.final), "250 2.6.0");
  EXPECT_THAT(server.mails()[0].rcpt,
              ElementsAre(StartsWith("RCPT TO:<a@"), StartsWith("RCPT TO:<c@")));
  EXPECT_EQ(server.count_commands("DATA"), 1U);
  EXPECT_EQ(d.report.trouble, HopTrouble::none);
}

TEST_F(HopTransactionGroupTest, KeepsTheConnectionWhenNobodyIsTaken) {
  ExchangeServer server;
  add_host(server);
  server.plan(At::rcpt, say("550 5.1.10 not here", 2));
  const Delivered d = send_group({to("a@company.ru"), to("b@company.ru")});
  EXPECT_EQ(status_of(d.recipients[0]), "550 5.1.10");
  EXPECT_EQ(status_of(d.recipients[1]), "550 5.1.10");
  run_until([&] { return pool().idle() == 1; });  // RSET was answered
  EXPECT_EQ(status_of(send_group({to("a@company.ru")}).final), "250 2.6.0");
  EXPECT_EQ(server.connections(), 1U);
}

TEST_F(HopTransactionGroupTest, EndsTheMessageThatAServerWantsForNobody) {
  ExchangeServer server;
  add_host(server);
  server.plan(At::rcpt, say("550 5.1.10 not here"));
  server.plan(At::data, say("354 go ahead"));
  const Delivered d = send_group({to("a@company.ru")});
  EXPECT_EQ(status_of(d.recipients[0]), "550 5.1.10");
  EXPECT_TRUE(server.mails().empty());
  const Delivered next = send_group({to("a@company.ru")});
  EXPECT_EQ(status_of(next.recipients[0]), "250 2.1.5");
  EXPECT_EQ(status_of(next.final), "250 2.6.0");
  EXPECT_EQ(server.connections(), 2U) << "what such a server thinks is not known";
}

TEST_F(HopTransactionGroupTest, TellsTroubleOfTheHopFromTroubleWithTheMessage) {
  ExchangeServer server;
  add_host(server);
  server.plan(At::mail, say("451 4.7.0 not you, not now"));
  EXPECT_EQ(send_group({to("a@company.ru")}).report.trouble, HopTrouble::none);
  Fault busy;
  busy.kind = Fault::Kind::say_and_close;
  busy.reply = "421 4.3.2 busy";
  server.plan(At::mail, busy);
  server.plan(At::connect, busy);
  EXPECT_EQ(send_group({to("a@company.ru")}).report.trouble, HopTrouble::busy);
  Fault close;
  server.plan(At::content, close);
  EXPECT_EQ(send_group({to("a@company.ru")}).report.trouble, HopTrouble::broke_off);
  hop.hosts.clear();
  add_dead_host();
  EXPECT_EQ(send_group({to("a@company.ru")}).report.trouble, HopTrouble::dead);
}

}  // namespace
}  // namespace postern::queue
