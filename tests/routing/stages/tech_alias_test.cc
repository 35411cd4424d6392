// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

TEST(TechAlias, R4BindsWhatComesUnderAnAlias) {
  const Config config = example_config();
  const auto stage = stages::make_tech_alias({&config, nullptr, nullptr});
  const Situation alias(config, {kStranger, "i.ivanov@tech.company.ru"});
  EXPECT_EQ(verdict_name(ask(*stage, alias.progress)), "bind");
  const Situation main(config, {kStranger, "i.ivanov@company.ru"});
  EXPECT_EQ(verdict_name(ask(*stage, main.progress)), "pass");
  const Situation elsewhere(config, {kStranger, "sales@corp.com"});
  EXPECT_EQ(verdict_name(ask(*stage, elsewhere.progress)), "pass");
}

TEST(TechAlias, R4RewritesWhenAliasesAreNotIndependent) {
  Config config = example_config();
  config.routing.independent_aliases = false;
  const auto stage = stages::make_tech_alias({&config, nullptr, nullptr});
  const Situation alias(config, {kStranger, "I.Ivanov+x@tech.company.ru"});
  const Verdict verdict = ask(*stage, alias.progress);
  const auto* rewrite = std::get_if<Rewrite>(&verdict.what);
  ASSERT_NE(rewrite, nullptr);
  EXPECT_EQ(rewrite->recipient.text(), "I.Ivanov+x@company.ru");
  EXPECT_THAT(verdict.reason.str(), HasSubstr("independent_aliases"));
}

}  // namespace
}  // namespace postern::routing::testing
