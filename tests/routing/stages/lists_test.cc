// SPDX-License-Identifier: Apache-2.0
#include "tests/routing/ways_world.h"

#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

class ListsTest : public ::testing::Test {
 protected:
  static ListRule rule(ListRule::Action action, std::vector<std::string> senders) {
    ListRule out;
    out.action = action;
    out.senders = std::move(senders);
    out.reply = "we know you";
    return out;
  }
  using Action = ListRule::Action;
};

TEST_F(ListsTest, RejectIs550WithItsTextAndDiscardIs250) {
  WaysWorld world([](Config& c) {
    c.lists = {rule(Action::reject, {"@*.spam.example", "@spam.example"}),
               rule(Action::discard, {"noise@corp.com"})};
  });
  const Decision rejected = world.decide({kStranger, "n.new@company.ru", "a@x.spam.example"});
  EXPECT_EQ(rejected.kind, DecisionKind::reject);
  EXPECT_EQ(rejected.reply.line(), "550 5.7.1 we know you");
  EXPECT_EQ(rejected.reason(), "list 1: reject");
  EXPECT_EQ(world.outcome({kStranger, "n.new@company.ru", "noise+1@corp.com"}), "discard lists");
  EXPECT_EQ(world.outcome({kStranger, "n.new@company.ru", "a@corp.com"}),
            "exchange n.new@company.ru");
}

TEST_F(ListsTest, AllConditionsOfOneListMustMatchAndTheFirstListCounts) {
  ListRule narrow = rule(Action::discard, {"@corp.com"});
  narrow.recipients = {"n.new@company.ru"};
  narrow.clients = IpSet({*IpPrefix::parse("203.0.113.0/24")});
  WaysWorld world([&](Config& c) { c.lists = {narrow, rule(Action::reject, {"@corp.com"})}; });
  EXPECT_EQ(world.outcome({kStranger, "n.new@company.ru", "a@corp.com"}), "discard lists");
  EXPECT_EQ(world.outcome({kService, "n.new@company.ru", "a@corp.com"}), "550 5.7.1 lists");
  EXPECT_EQ(world.outcome({kStranger, "i.ivanov@company.ru", "a@corp.com"}), "550 5.7.1 lists");
}

TEST_F(ListsTest, WhoMayNotRelayHears550AndNotThe250OfADiscardR2) {
  WaysWorld world([](Config& c) { c.lists = {rule(Action::discard, {"*"})}; });
  EXPECT_EQ(world.outcome({kStranger, "a@other.com", "a@corp.com"}), "550 5.7.1 relay_access");
}

TEST_F(ListsTest, StagesWithoutAnythingConfiguredAreNotAskedAtAll) {
  const WaysWorld world;
  for (const TraceStep& step : world.decide({kService, "a@other.com"}).trace) {
    for (const char* idle : {"lists", "rewrite", "journal", "sender_route", "dual_delivery"})
      EXPECT_NE(step.stage, idle);
  }
}

}  // namespace
}  // namespace postern::routing::testing
