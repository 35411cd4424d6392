// SPDX-License-Identifier: Apache-2.0
#include "routing/stages/builtin.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

class AddressValidationTest : public ::testing::Test {
 protected:
  Verdict about(std::string_view to, const Directory* directory) {
    const auto stage = stages::make_address_validation({&config_, directory, nullptr});
    const Situation situation(config_, {kStranger, to});
    return ask(*stage, situation.progress);
  }
  Verdict about(std::string_view to) { return about(to, &directory_); }

  AddressValidationTest() {
    config_.recipients.validate = true;
    directory_.known = {"i.ivanov"};
  }
  Config config_ = example_config();
  FakeDirectory directory_;
};

TEST_F(AddressValidationTest, R8RefusesWhomTheDirectoryDoesNotKnow) {
  const Verdict verdict = about("p.petrov@company.ru");
  const auto* refusal = std::get_if<Reject>(&verdict.what);
  ASSERT_NE(refusal, nullptr);
  EXPECT_EQ(refusal->reply.line().substr(0, 9), "550 5.1.1");
  EXPECT_EQ(verdict.reason.view(), "not in the fake directory");
  EXPECT_EQ(verdict_name(about("i.ivanov@tech.company.ru")), "pass");
}

TEST_F(AddressValidationTest, R8DefersWhileTheDirectoryCannotBeAsked) {
  directory_.available = false;
  const Verdict verdict = about("i.ivanov@company.ru");
  const auto* delay = std::get_if<Defer>(&verdict.what);
  ASSERT_NE(delay, nullptr);
  EXPECT_EQ(delay->reply.line().substr(0, 9), "451 4.4.3");
}

TEST_F(AddressValidationTest, RefusesNobodyWhenItIsOffOrThereIsNoDirectoryOrNotOurs) {
  EXPECT_EQ(verdict_name(about("sales@corp.com")), "pass");
  EXPECT_EQ(verdict_name(about("p.petrov@company.ru", nullptr)), "pass");
  config_.recipients.validate = false;
  EXPECT_THAT(about("p.petrov@company.ru").reason.str(), HasSubstr("recipients.validate is off"));
}

}  // namespace
}  // namespace postern::routing::testing
