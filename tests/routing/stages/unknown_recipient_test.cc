// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

class UnknownRecipientTest : public ::testing::Test {
 protected:
  UnknownRecipientTest() { directory_.known = {"i.ivanov"}; }

  Verdict about(const Question& question) {
    const auto stage = stages::make_unknown_recipient({&config_, &directory_, nullptr});
    const Situation situation(config_, question);
    return ask(*stage, situation.progress);
  }

  Config config_ = example_config();
  FakeDirectory directory_;
};

TEST_F(UnknownRecipientTest, R9RedirectsTheUnknownUnderTheMainDomainsName) {
  const Verdict verdict = about({kStranger, "P.Petrov@tech.company.ru"});
  const auto* route = std::get_if<RouteTo>(&verdict.what);
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->target.name(), "exchange");
  EXPECT_EQ(route->recipient_out.text(), "P.Petrov@company.ru");
  EXPECT_THAT(verdict.reason.str(), HasSubstr("recipients.unknown_redirect is exchange"));
}

TEST_F(UnknownRecipientTest, R9FromTheRedirectsOwnNextHopItIsRefused) {
  const Verdict verdict = about({kExchange, "p.petrov@tech.company.ru"});
  const auto* refusal = std::get_if<Reject>(&verdict.what);
  ASSERT_NE(refusal, nullptr);
  EXPECT_EQ(refusal->reply.line().substr(0, 9), "550 5.1.1");
  EXPECT_THAT(verdict.reason.str(), HasSubstr("comes from exchange itself"));
}

TEST_F(UnknownRecipientTest, R9DefersWhileTheDirectoryCannotBeAsked) {
  directory_.available = false;
  EXPECT_EQ(verdict_name(about({kStranger, "i.ivanov@company.ru"})), "defer");
}

TEST_F(UnknownRecipientTest, PassesTheKnownAndWhatIsElsewhereAndWhenItIsNotSet) {
  EXPECT_EQ(verdict_name(about({kStranger, "i.ivanov@company.ru"})), "pass");
  EXPECT_EQ(verdict_name(about({kStranger, "sales@corp.com"})), "pass");
  config_.recipients.unknown_redirect.clear();
  directory_.available = false;
  EXPECT_EQ(verdict_name(about({kStranger, "p.petrov@company.ru"})), "pass");
}

}  // namespace
}  // namespace postern::routing::testing
