// SPDX-License-Identifier: Apache-2.0
#include "routing/cutover_list.h"
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

class CutoverTest : public ::testing::Test {
 protected:
  CutoverTest() { config_.domains.front().cutover_file = file_.path(); }

  Verdict about(std::string_view to, bool bound = false) {
    const CutoverLists lists(config_);
    const auto stage = stages::make_cutover({&config_, nullptr, &lists});
    Situation situation(config_, {kStranger, to});
    situation.progress.bound = bound;
    return ask(*stage, situation.progress);
  }

  TemporaryFile file_{"\nv.vetrov\n"};
  Config config_ = example_config();
};

TEST_F(CutoverTest, R5BindsWhoIsListedAndNamesTheLine) {
  const Verdict verdict = about("v.vetrov@company.ru");
  EXPECT_EQ(verdict_name(verdict), "bind");
  EXPECT_EQ(verdict.reason.view(), "list.txt, line 2 (R5)");
}

TEST_F(CutoverTest, PassesWhoIsNotListedWhoIsBoundAndWhoIsElsewhere) {
  EXPECT_EQ(verdict_name(about("i.ivanov@company.ru")), "pass");
  EXPECT_EQ(verdict_name(about("v.vetrov@company.ru", true)), "pass");
  EXPECT_EQ(verdict_name(about("v.vetrov@corp.com")), "pass");
  config_.domains.front().cutover_file.clear();
  EXPECT_EQ(verdict_name(about("v.vetrov@company.ru")), "pass");
}

TEST_F(CutoverTest, DefersWhileTheListCannotBeRead) {
  file_.remove();
  const Verdict verdict = about("i.ivanov@company.ru");
  EXPECT_EQ(verdict_name(verdict), "defer");
  EXPECT_THAT(verdict.reason.str(), HasSubstr("No such file"));
}

}  // namespace
}  // namespace postern::routing::testing
