// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

TEST(ExternalGateway, R11TakesMailForOtherDomainsOnly) {
  Config config = example_config();
  config.gateways.external = {"dlp", "exchange"};
  const auto stage = stages::make_external_gateway({&config, nullptr, nullptr});
  const Situation elsewhere(config, {kService, "Sales@Corp.com"});
  const Verdict verdict = ask(*stage, elsewhere.progress);
  const auto* route = std::get_if<RouteTo>(&verdict.what);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->target.hops.size(), 2U);
  EXPECT_EQ(route->recipient_out.text(), "Sales@Corp.com");
  EXPECT_THAT(verdict.reason.str(), HasSubstr("gateways.external (dlp, exchange)"));
  const Situation ours(config, {kService, "u@tech.company.ru"});
  EXPECT_EQ(verdict_name(ask(*stage, ours.progress)), "pass");
}

TEST(ExternalGateway, PassesWhenNoneIsSet) {
  Config config = example_config();
  config.gateways.external.clear();
  const auto stage = stages::make_external_gateway({&config, nullptr, nullptr});
  const Situation elsewhere(config, {kService, "sales@corp.com"});
  EXPECT_THAT(ask(*stage, elsewhere.progress).reason.str(), HasSubstr("not set"));
}

}  // namespace
}  // namespace postern::routing::testing
