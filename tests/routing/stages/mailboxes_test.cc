// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

class MailboxesTest : public ::testing::Test {
 protected:
  std::string address(std::string_view to) {
    const auto stage = stages::make_mailboxes({&config_, nullptr, nullptr});
    const Situation situation(config_, {kStranger, to});
    const Verdict verdict = ask(*stage, situation.progress);
    const auto* route = std::get_if<RouteTo>(&verdict.what);
    if (route == nullptr) return std::string(verdict_name(verdict));
    EXPECT_EQ(route->target.name(), "vk");
    EXPECT_FALSE(route->pass_over_origin);
    return route->recipient_out.text();
  }

  Config config_ = example_config();
};

TEST_F(MailboxesTest, R4aAsAliasWhatCameUnderTheMainNameGetsTheFirstAlias) {
  config_.domains.front().aliases = {"tech.company.ru", "t2.company.ru"};
  EXPECT_EQ(address("U.Ser+x@company.ru"), "U.Ser+x@tech.company.ru");
  EXPECT_EQ(address("u@t2.company.ru"), "u@t2.company.ru");
}

TEST_F(MailboxesTest, R4aAsMainAllOfItGetsTheMainName) {
  config_.domains.front().deliver_as = DeliverAs::main;
  EXPECT_EQ(address("u@tech.company.ru"), "u@company.ru");
  EXPECT_EQ(address("u@Company.ru"), "u@Company.ru");
}

TEST_F(MailboxesTest, R4aADomainWithoutAnAliasIsMain) {
  config_.domains.front().aliases.clear();
  EXPECT_EQ(address("u@company.ru"), "u@company.ru");
}

TEST_F(MailboxesTest, PassesWhatIsElsewhere) {
  EXPECT_EQ(address("u@corp.com"), "pass");
}

}  // namespace
}  // namespace postern::routing::testing
