// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

TEST(LoopGuard, PassesAndSaysWhatWillBeJudged) {
  const Config config = example_config();
  const auto stage = stages::make_loop_guard({&config, nullptr, nullptr});
  const Situation situation(config, {kStranger, "i.ivanov@company.ru"});
  const Verdict verdict = ask(*stage, situation.progress);
  EXPECT_EQ(verdict_name(verdict), "pass");
  EXPECT_THAT(verdict.reason.str(), HasSubstr("at most 25 Received fields, 2 passes"));
}

}  // namespace
}  // namespace postern::routing::testing
