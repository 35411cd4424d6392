// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

class RelayAccessTest : public ::testing::Test {
 protected:
  Verdict about(const Question& question) {
    const Situation situation(config_, question);
    return ask(*stage_, situation.progress);
  }
  static std::string reply(const Verdict& verdict) {
    const auto* refusal = std::get_if<Reject>(&verdict.what);
    return refusal != nullptr ? refusal->reply.line().substr(0, 9) : std::string();
  }

  const Config config_ = example_config();
  std::unique_ptr<Stage> stage_ = stages::make_relay_access({&config_, nullptr, nullptr});
};

TEST_F(RelayAccessTest, NamesTheEntryThatAllows) {
  const Verdict verdict = about({kService, "sales@corp.com"});
  EXPECT_EQ(verdict_name(verdict), "pass");
  EXPECT_EQ(verdict.reason.view(), "the client is in relay.allow_without_auth (10.0.1.0/24)");
}

TEST_F(RelayAccessTest, NamesWhoIsAuthenticated) {
  const Verdict verdict =
      about({kStranger, "sales@corp.com", "nina@corp.com", Role::submission, {}, "i.ivanov"});
  EXPECT_EQ(verdict_name(verdict), "pass");
  EXPECT_EQ(verdict.reason.view(), "authenticated as i.ivanov");
}

TEST_F(RelayAccessTest, R2RefusesStrangersRecipientsElsewhere) {
  EXPECT_EQ(reply(about({kStranger, "sales@corp.com"})), "550 5.7.1");
  EXPECT_EQ(verdict_name(about({kStranger, "i.ivanov@company.ru"})), "pass");
}

TEST_F(RelayAccessTest, R2RefusesStrangersLocalPartsThatLookLikeRoutes) {
  for (const char* to : {"a%b@company.ru", "b!a@company.ru", "\"a@b\"@tech.company.ru"}) {
    EXPECT_EQ(reply(about({kStranger, to})), "550 5.7.1") << to;
    EXPECT_EQ(verdict_name(about({kService, to})), "pass") << to;
  }
}

TEST_F(RelayAccessTest, R3WantsAuthenticationOnASubmissionListener) {
  const Question question{
      kStranger, "i.ivanov@company.ru", "nina@corp.com", Role::submission, {}, {}};
  const Verdict verdict = about(question);
  EXPECT_EQ(reply(verdict), "530 5.7.0");
  EXPECT_THAT(verdict.reason.str(), HasSubstr("R3"));
}

}  // namespace
}  // namespace postern::routing::testing
