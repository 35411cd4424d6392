// SPDX-License-Identifier: Apache-2.0
// A [[route]] with a `delivery` of its own: company.ru goes to X, its alias to V as the listener
// has it.
#include "server_fixture.h"
#include "stored_letters.h"

#include <gmock/gmock.h>

namespace postern::gateway {
namespace {

using test::At;
using test::ExchangeClient;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class RouteDeliveryTest : public ServerTest {
 protected:
  RouteDeliveryTest() { setup.after = kQuick; }
};

TEST_F(RouteDeliveryTest, CutThroughGivesTheNextHopsOwnReplyAndStoresNothing) {
  setup.delivery = "queue";
  setup.route = "delivery = \"cut_through\"\n";
  x.plan(At::end_of_data, say("451 4.3.2 not now"));
  start();
  ExchangeClient exchange = client();
  EXPECT_THAT(exchange.send("a@corp.com", {"u@company.ru"}, kMessage).end,
              StartsWith("451 4.3.2 not now"));
  EXPECT_EQ(spool().stats().ledger.accepted, 0);
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@company.ru"}, kMessage).delivered());
  EXPECT_EQ(x.mails().size(), 1U);
  EXPECT_EQ(spool().stats().ledger.accepted, 0);
}

TEST_F(RouteDeliveryTest, OtherRecipientsAreStoredAsTheListenerSays) {
  setup.delivery = "queue";
  setup.route = "delivery = \"cut_through\"\n";
  start();
  ExchangeClient exchange = client();
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage).delivered());
  EXPECT_EQ(wait_for_queue(0).delivered, 1);
}

TEST_F(RouteDeliveryTest, WhoWantsTheOtherKindComesInTheNextTransaction) {
  setup.delivery = "queue";
  setup.route = "delivery = \"cut_through\"\n";
  start();
  ExchangeClient exchange = client();
  const auto stored = exchange.send("a@corp.com", {"u@tech.company.ru", "u@company.ru"}, kMessage);
  EXPECT_THAT(stored.rcpt, ElementsAre(StartsWith("250"), StartsWith("452 4.5.3")));
  EXPECT_TRUE(stored.delivered());
  const auto passed = exchange.send("a@corp.com", {"u@company.ru", "u@tech.company.ru"}, kMessage);
  EXPECT_THAT(passed.rcpt, ElementsAre(StartsWith("250"), StartsWith("452 4.5.3")));
  EXPECT_TRUE(passed.delivered());
  EXPECT_EQ(wait_for_queue(0).delivered, 1);
  EXPECT_EQ(v.mails().size(), 1U);
  EXPECT_EQ(x.mails().size(), 1U);
}

TEST_F(RouteDeliveryTest, ARefusedRecipientDoesNotChooseTheKind) {
  setup.delivery = "queue";
  setup.route = "delivery = \"cut_through\"\n";
  start();
  ExchangeClient exchange = client();
  const auto outcome = exchange.send("a@corp.com", {"x@corp.com", "u@company.ru"}, kMessage);
  EXPECT_THAT(outcome.rcpt, ElementsAre(StartsWith("550 5.7.1"), StartsWith("250")));
  EXPECT_TRUE(outcome.delivered());
  EXPECT_EQ(x.mails().size(), 1U);
  EXPECT_EQ(spool().stats().ledger.accepted, 0);
}

TEST_F(RouteDeliveryTest, QueueIsTheCommitsOwn250WhereTheListenerWouldPassARefusalBack) {
  setup.delivery = "auto";
  setup.route = "delivery = \"queue\"\n";
  for (int i = 0; i < 20; ++i)
    x.plan(At::end_of_data, say("550 5.7.1 not wanted here"));
  start();
  ExchangeClient exchange = client();
  for (int i = 0; i < 20; ++i) {
    const auto outcome = exchange.send("", {"u@company.ru"}, kMessage);
    EXPECT_TRUE(outcome.delivered()) << outcome.end;
  }
  EXPECT_EQ(wait_for_queue(0).failed, 20);
  EXPECT_THAT(x.mails(), IsEmpty());
}

TEST_F(RouteDeliveryTest, QueueOfACutThroughListenerOutlivesADeadNextHop) {
  setup.route = "delivery = \"queue\"\n";
  x.plan(At::mail, say("421 4.3.2 too busy"));
  start();
  ExchangeClient exchange = client();
  EXPECT_TRUE(exchange.send("a@corp.com", {"u@company.ru"}, kMessage).delivered());
  EXPECT_THAT(x.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("u@company.ru")));
  EXPECT_EQ(wait_for_queue(0).delivered, 1);
}

}  // namespace
}  // namespace postern::gateway
