// SPDX-License-Identifier: Apache-2.0
#include "routing/cutover_list.h"
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

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

TEST_F(CutoverTest, R5AsksADirectoryWhereTheListIsOneAndDefersWhileItIsDown) {
  FakeDirectory left;
  left.known = {"v.vetrov"};
  Domain& domain = config_.domains.front();
  domain.cutover_file.clear();
  domain.cutover = "ldap:left";
  CutoverLists lists(config_);
  const auto about_with = [&](std::string_view to) {
    const auto stage = stages::make_cutover({&config_, nullptr, &lists});
    return ask(*stage, Situation(config_, {kStranger, to}).progress);
  };
  EXPECT_EQ(verdict_name(about_with("v.vetrov@company.ru")), "defer") << "nobody made it";
  lists.use(domain, left);
  EXPECT_EQ(verdict_name(about_with("v.vetrov@company.ru")), "bind");
  EXPECT_EQ(about_with("v.vetrov@company.ru").reason.view(), "cut over: fake directory (R5)");
  EXPECT_EQ(verdict_name(about_with("i.ivanov@company.ru")), "pass");
  left.available = false;
  EXPECT_EQ(verdict_name(about_with("v.vetrov@company.ru")), "defer");
  left.available = true;
  left.immediate = false;
  EXPECT_THROW(about_with("v.vetrov@company.ru"), std::runtime_error) << "it has to be asked";
}

}  // namespace
}  // namespace postern::routing::testing
