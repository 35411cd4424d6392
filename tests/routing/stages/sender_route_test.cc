// SPDX-License-Identifier: Apache-2.0
#include "tests/routing/ways_world.h"

#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

class SenderRouteTest : public ::testing::Test {
 protected:
  static std::unique_ptr<WaysWorld> with(const SenderRoute& rule) {
    return std::make_unique<WaysWorld>([&rule](Config& c) { c.sender_routes = {rule}; });
  }
  static SenderRoute from(std::vector<std::string> senders, bool all = false) {
    SenderRoute rule;
    rule.senders = std::move(senders);
    rule.via = "exchange";
    rule.all = all;
    return rule;
  }
};

TEST_F(SenderRouteTest, SendersGoByTheirOwnHopToOtherDomains) {
  const auto world = with(from({"@company.ru", "boss@x.ru"}));
  EXPECT_EQ(world->outcome({kService, "a@corp.com", "i@company.ru"}), "exchange a@corp.com");
  EXPECT_EQ(world->outcome({kService, "a@corp.com", "BOSS+x@X.ru"}), "exchange a@corp.com");
  EXPECT_EQ(world->outcome({kService, "a@corp.com", "i@sub.company.ru"}), "dlp a@corp.com");
}

TEST_F(SenderRouteTest, DomainsOfOursKeepTheirWaysUnlessAllIsSet) {
  const Question question{kService, "n.new@tech.company.ru", "i@company.ru"};
  EXPECT_EQ(with(from({"@company.ru"}))->outcome(question), "vk n.new@tech.company.ru");
  EXPECT_EQ(with(from({"@company.ru"}, true))->outcome(question), "exchange n.new@tech.company.ru");
}

TEST_F(SenderRouteTest, ASendersNameIsNoRightToRelayR2) {
  EXPECT_EQ(with(from({"*"}, true))->outcome({kStranger, "a@corp.com", "i@company.ru"}),
            "550 5.7.1 relay_access");
}

TEST_F(SenderRouteTest, MailThatComesFromTheHopGoesTheUsualWayR7) {
  EXPECT_EQ(with(from({"*"}))->outcome({kExchange, "a@corp.com", "i@company.ru"}),
            "dlp a@corp.com");
}

TEST_F(SenderRouteTest, AFilterIsKnownAlsoAtAListenerOfSomebodyElseR7a) {
  SenderRoute rule = from({"@company.ru"});
  rule.via = "dlp";
  const WaysWorld world([&rule](Config& c) {
    c.gateways = {};
    c.sender_routes = {rule};
  });
  const Question out{kService, "a@corp.com", "i@company.ru", Role::mx, "exchange"};
  EXPECT_EQ(world.outcome(out), "dlp a@corp.com");
  const Question back{kDlp, "a@corp.com", "i@company.ru", Role::mx, "exchange"};
  EXPECT_EQ(world.outcome(back), "mx:corp.com a@corp.com");
}

TEST_F(SenderRouteTest, ClientsAndSendersMustBothMatchAndTheNullSenderIsOne) {
  SenderRoute rule = from({""});
  rule.clients = IpSet({*IpPrefix::parse("10.0.1.77")});
  const auto world = with(rule);
  EXPECT_EQ(world->outcome({kService, "a@corp.com", ""}), "exchange a@corp.com");
  EXPECT_EQ(world->outcome({kService, "a@corp.com", "i@company.ru"}), "dlp a@corp.com");
  EXPECT_EQ(world->outcome({kWorkspace, "a@corp.com", ""}), "dlp a@corp.com");
}

}  // namespace
}  // namespace postern::routing::testing
