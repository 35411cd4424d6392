// SPDX-License-Identifier: Apache-2.0
#include "routing/explain.h"

#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace postern::routing::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ExplainTest : public ::testing::Test {
 protected:
  json explain(const Question& question) {
    const Decision decision = decide(question);
    return json::parse(explain_json(request_, decision));
  }
  std::string text(const Question& question) {
    const Decision decision = decide(question);
    return explain_text(request_, decision);
  }

 private:
  Decision decide(const Question& question) {
    request_.client = *parse_ip(question.client);
    request_.listener = "mx";
    request_.recipient = mailbox(question.to);
    return world_.decide(question);
  }

  World world_{[](Config& config) { config.gateways.external.clear(); }};
  Request request_;
};

TEST_F(ExplainTest, ARouteNamesItsNextHopAndHosts) {
  const json out = explain({kExchange, "n.new@company.ru"});
  EXPECT_EQ(out["recipient"], "n.new@company.ru");
  EXPECT_EQ(out["decision"], "route");
  EXPECT_EQ(out["next_hop"], "vk");
  EXPECT_EQ(out["hosts"], json({"10.0.1.10:25", "10.0.1.11:25"}));
  EXPECT_EQ(out["recipient_out"], "n.new@tech.company.ru");
  EXPECT_TRUE(out["reply"].is_null());
  ASSERT_EQ(out["trace"].size(), 9U);
  EXPECT_EQ(out["trace"][4]["stage"], "custom_route");
  EXPECT_EQ(out["trace"][4]["verdict"], "pass");
  EXPECT_THAT(out["trace"][4]["reason"].get<std::string>(), HasSubstr("R7"));
  EXPECT_EQ(out["trace"][8]["verdict"], "route");
}

TEST_F(ExplainTest, ADecisionByDnsNamesTheDomain) {
  const json out = explain({kService, "sales@corp.com"});
  EXPECT_EQ(out["next_hop"], "mx:corp.com");
  EXPECT_EQ(out["hosts"], json::array());
}

TEST_F(ExplainTest, ARefusalHasItsReplyAndNoWay) {
  const json out = explain({kStranger, "sales@corp.com"});
  EXPECT_EQ(out["decision"], "reject");
  EXPECT_EQ(out["reply"], "550 5.7.1 relaying denied");
  for (const char* key : {"next_hop", "hosts", "recipient_out"}) {
    ASSERT_TRUE(out.contains(key)) << key;
    EXPECT_TRUE(out[key].is_null()) << key;
  }
}

TEST_F(ExplainTest, OctetsThatAreNoUtf8StillMakeJson) {
  EXPECT_EQ(explain({kStranger, "\xff@corp.com"})["recipient"], "\xef\xbf\xbd@corp.com");
}

TEST_F(ExplainTest, TheTextHasALineAStageAndTheDecision) {
  const std::string out = text({kExchange, "n.new@company.ru"});
  EXPECT_THAT(out, HasSubstr("client     10.0.0.5, listener mx\n"));
  EXPECT_THAT(
      out, HasSubstr("\n  mailboxes           route    the mailboxes of company.ru are in vk\n"));
  EXPECT_THAT(out,
              HasSubstr("\ndecision   route to vk (10.0.1.10:25, 10.0.1.11:25) as "
                        "<n.new@tech.company.ru>\n"));
  EXPECT_THAT(text({kStranger, "sales@corp.com"}), HasSubstr("decision   reject with 550 5.7.1"));
}

}  // namespace
}  // namespace postern::routing::testing
