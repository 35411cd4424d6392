// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

class InternalGatewayTest : public ::testing::Test {
 protected:
  InternalGatewayTest() { config_.gateways.internal = {"dlp", "exchange"}; }

  Verdict about(const Question& question, bool bound = false) {
    const auto stage = stages::make_internal_gateway({&config_, nullptr, nullptr});
    Situation situation(config_, question);
    situation.progress.bound = bound;
    return ask(*stage, situation.progress);
  }

  Config config_ = example_config();
};

TEST_F(InternalGatewayTest, R10TakesMailFromVForDomainsOfOurs) {
  const Verdict verdict = about({kWorkspace, "i.ivanov@company.ru"});
  const auto* route = std::get_if<RouteTo>(&verdict.what);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->target.hops.size(), 2U);
  EXPECT_EQ(route->recipient_out.text(), "i.ivanov@company.ru");
  EXPECT_THAT(verdict.reason.str(), HasSubstr("gateways.internal (dlp, exchange)"));
}

TEST_F(InternalGatewayTest, PassesEverythingElse) {
  EXPECT_EQ(verdict_name(about({kStranger, "i.ivanov@company.ru"})), "pass");
  EXPECT_EQ(verdict_name(about({kExchange, "i.ivanov@company.ru"})), "pass");
  EXPECT_EQ(verdict_name(about({kWorkspace, "sales@corp.com"})), "pass");
  EXPECT_EQ(verdict_name(about({kWorkspace, "i.ivanov@company.ru"}, true)), "pass");
  config_.gateways.internal.clear();
  EXPECT_EQ(verdict_name(about({kWorkspace, "i.ivanov@company.ru"})), "pass");
}

TEST_F(InternalGatewayTest, VIsTheDomainsMailboxesWhateverItsBehaviour) {
  config_.next_hops[1].behaves = Behaviour::relay;
  EXPECT_EQ(verdict_name(about({kWorkspace, "i.ivanov@company.ru"})), "route");
}

}  // namespace
}  // namespace postern::routing::testing
