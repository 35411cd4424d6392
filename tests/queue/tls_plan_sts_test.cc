// SPDX-License-Identifier: Apache-2.0
// RFC 8461 as a table of what the policy says, what becomes of the host, and what is reported.
#include "queue/tls_plan.h"
#include "tests/dns/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::queue {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Level = smtp::ClientProfile::Tls;
using Mode = StsVerdict::Mode;
using Policy = TlsOutcome::Policy;

class OnePolicy : public StsPolicies {
 public:
  net::Awaitable<StsVerdict> policy(std::string domain) override {
    asked = std::move(domain);
    co_return verdict;
  }
  StsVerdict verdict;
  std::string asked;
};

class TlsPlanSts : public testing::Test {
 protected:
  TlsPlanSts() {
    question_.level = routing::TlsLevel::sts;
    question_.domain = "example.com";
    question_.host = "MX1.example.net";
    question_.settings.ca = "/ca.pem";
    policies_.verdict.lines = {"version: STSv1"};
  }
  TlsPlan plan(Mode mode, std::vector<std::string> mx) {
    policies_.verdict.found = true;
    policies_.verdict.mode = mode;
    policies_.verdict.mx = std::move(mx);
    return plan();
  }
  TlsPlan plan() {
    TlsPlanners planners;
    planners.sts = &policies_;
    return test::run(io_, plan_tls(planners, question_));
  }

  net::IoContext io_{1};
  TlsQuestion question_;
  OnePolicy policies_;
};

TEST_F(TlsPlanSts, AnEnforcedPolicyWantsTheHostsNameVerified) {
  const TlsPlan made = plan(Mode::enforce, {"mail.example.com", "*.example.net"});
  EXPECT_EQ(policies_.asked, "example.com");
  EXPECT_FALSE(made.refusal);
  EXPECT_EQ(made.level, Level::encrypt);
  ASSERT_TRUE(made.check);
  EXPECT_TRUE(made.check->must && made.check->chain);
  EXPECT_THAT(made.check->names, ElementsAre("MX1.example.net"));
  EXPECT_EQ(made.ca, "/ca.pem");
  EXPECT_TRUE(made.secure);
  ASSERT_TRUE(made.reported);
  EXPECT_EQ(made.reported->policy, Policy::sts);
  EXPECT_THAT(made.reported->source, ElementsAre("version: STSv1"));
  EXPECT_THAT(made.reported->mx_patterns, ElementsAre("mail.example.com", "*.example.net"));
  EXPECT_EQ(made.reported->domain, "example.com");
  EXPECT_EQ(made.reported->failure, tls::Failure::none);
}

TEST_F(TlsPlanSts, AHostThatItDoesNotListIsPassedOver) {
  const TlsPlan made = plan(Mode::enforce, {"*.example.com", "example.net"});
  ASSERT_TRUE(made.refusal);
  EXPECT_EQ(made.refusal->code(), 451);
  EXPECT_THAT(std::string(made.refusal->text()),
              HasSubstr("no MX of the MTA-STS policy of example.com"));
  ASSERT_TRUE(made.reported);
  EXPECT_EQ(made.reported->failure, tls::Failure::validation_failure);
}

TEST_F(TlsPlanSts, TestingIsToldAndForbidsNothing) {
  const TlsPlan listed = plan(Mode::testing, {"mx1.example.net"});
  EXPECT_FALSE(listed.refusal);
  EXPECT_EQ(listed.level, Level::may);
  ASSERT_TRUE(listed.check && listed.reported);
  EXPECT_FALSE(listed.check->must);
  EXPECT_FALSE(listed.secure);
  EXPECT_EQ(listed.reported->failure, tls::Failure::none);
  const TlsPlan other = plan(Mode::testing, {"mx2.example.net"});
  EXPECT_FALSE(other.refusal);
  ASSERT_TRUE(other.reported);
  EXPECT_EQ(other.reported->failure, tls::Failure::validation_failure);
  EXPECT_THAT(other.reported->detail, HasSubstr("no MX"));
}

TEST_F(TlsPlanSts, UnderTestingAMessageMayDemandMore) {
  question_.require_tls = true;
  const TlsPlan unproved = plan(Mode::testing, {"mx1.example.net"});
  EXPECT_EQ(unproved.level, Level::may);
  EXPECT_FALSE(unproved.secure);
  question_.secure_mx = true;
  const TlsPlan proved = plan(Mode::testing, {"mx1.example.net"});
  EXPECT_EQ(proved.level, Level::encrypt);
  EXPECT_TRUE(proved.secure);
  ASSERT_TRUE(proved.check && proved.reported);
  EXPECT_TRUE(proved.check->must);
  EXPECT_EQ(proved.reported->policy, Policy::sts);
}

TEST_F(TlsPlanSts, AHostIsListedHoweverItIsSpelled) {
  question_.host = "\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0.\xd1\x80\xd1\x84";
  EXPECT_FALSE(plan(Mode::enforce, {"xn--80a1acny.xn--p1ai"}).refusal);
  question_.host = "MX1.example.net.";
  EXPECT_FALSE(plan(Mode::enforce, {"mx1.example.net"}).refusal);
}

TEST_F(TlsPlanSts, NoneAndNoPolicyAreAsMay) {
  for (const bool found : {true, false}) {
    policies_.verdict.found = found;
    policies_.verdict.mode = Mode::none;
    const TlsPlan made = plan();
    EXPECT_FALSE(made.refusal);
    EXPECT_EQ(made.level, Level::may);
    EXPECT_FALSE(made.check);
    ASSERT_TRUE(made.reported);
    EXPECT_EQ(made.reported->policy, found ? Policy::sts : Policy::none_found);
  }
}

TEST_F(TlsPlanSts, APolicyThatCannotBeHadIsReportedAndForbidsNothing) {
  policies_.verdict.found = false;
  policies_.verdict.failure = tls::Failure::sts_webpki_invalid;
  policies_.verdict.detail = "the certificate has expired";
  const TlsPlan made = plan();
  EXPECT_FALSE(made.refusal);
  EXPECT_EQ(made.level, Level::may);
  ASSERT_TRUE(made.reported);
  EXPECT_EQ(made.reported->policy, Policy::sts);
  EXPECT_EQ(made.reported->failure, tls::Failure::sts_webpki_invalid);
  EXPECT_EQ(made.reported->detail, "the certificate has expired");
}

TEST_F(TlsPlanSts, AHostOfTheConfigHasNoPolicyOfADomain) {
  question_.domain.clear();
  const TlsPlan made = plan(Mode::enforce, {"mx1.example.net"});
  EXPECT_EQ(policies_.asked, "");
  EXPECT_EQ(made.level, Level::may);
  EXPECT_FALSE(made.reported);
}

}  // namespace
}  // namespace postern::queue
