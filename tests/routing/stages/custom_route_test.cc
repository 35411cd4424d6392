// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

TEST(CustomRoute, R6GoesToTheRoutesNextHopUnderTheSameAddress) {
  const Config config = example_config();
  const auto stage = stages::make_custom_route({&config, nullptr, nullptr});
  const Situation situation(config, {kStranger, "I.Ivanov@Company.ru"});
  const Verdict verdict = ask(*stage, situation.progress);
  const auto* route = std::get_if<RouteTo>(&verdict.what);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->target.name(), "exchange");
  EXPECT_EQ(route->recipient_out.text(), "I.Ivanov@Company.ru");
  EXPECT_EQ(verdict.reason.view(), "domain company.ru has the route via exchange");
}

TEST(CustomRoute, PassesWhatIsBoundAndWhatHasNoRoute) {
  const Config config = example_config();
  const auto stage = stages::make_custom_route({&config, nullptr, nullptr});
  Situation bound(config, {kStranger, "i.ivanov@company.ru"});
  bound.progress.bound = true;
  EXPECT_THAT(ask(*stage, bound.progress).reason.str(), HasSubstr("bound"));
  for (const char* to : {"u@tech.company.ru", "u@sub.company.ru", "u@corp.com", "u@[10.0.0.5]"}) {
    const Situation other(config, {kStranger, to});
    EXPECT_EQ(verdict_name(ask(*stage, other.progress)), "pass") << to;
  }
}

TEST(CustomRoute, TheFirstOfTwoRoutesForADomainCounts) {
  Config config = example_config();
  config.routes.push_back(Route{{"company.ru"}, "dlp"});
  const auto stage = stages::make_custom_route({&config, nullptr, nullptr});
  const Situation situation(config, {kStranger, "u@company.ru"});
  EXPECT_THAT(ask(*stage, situation.progress).reason.str(), HasSubstr("via exchange"));
}

TEST(CustomRoute, ARouteForADomainBeyondAsciiHoldsInBothSpellings) {
  Config config = example_config();
  config.routes = {
      Route{{"*.почта.рф"}, "dlp"}
  };
  const auto stage = stages::make_custom_route({&config, nullptr, nullptr});
  for (const char* to : {"u@a.почта.рф", "u@a.xn--80a1acny.xn--p1ai"}) {
    const Situation situation(config, {kStranger, to});
    EXPECT_EQ(verdict_name(ask(*stage, situation.progress)), "route") << to;
  }
}

}  // namespace
}  // namespace postern::routing::testing
