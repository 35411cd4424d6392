// SPDX-License-Identifier: Apache-2.0
// RFC 7672 as a table of what DNS says and what becomes of the host.
#include "queue/tls_plan.h"
#include "tests/dns/run.h"
#include "tests/dns/zone_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::queue {
namespace {

using routing::TlsLevel;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Level = smtp::ClientProfile::Tls;
using Policy = TlsOutcome::Policy;

const std::string kDigest(64, 'a');

class TlsPlanDane : public testing::Test {
 protected:
  TlsPlanDane() {
    question_.level = TlsLevel::dane;
    question_.domain = "example.com";
    question_.host = "mail.example.com";
    question_.canonical = "mail.example.com";
    question_.secure_mx = true;
    question_.secure_host = true;
  }
  TlsPlan plan(const std::string& zone) {
    test::ZoneResolver resolver(zone);
    TlsPlanners planners;
    planners.resolver = &resolver;
    TlsPlan made = test::run(io_, plan_tls(planners, question_));
    asked_ = resolver.asked();
    return made;
  }
  static std::string record(const std::string& host, const std::string& numbers) {
    return "SECURE\n_25._tcp." + host + ". TLSA " + numbers + " " + kDigest + "\n";
  }

  net::IoContext io_{1};
  TlsQuestion question_;
  std::vector<std::string> asked_;
};

TEST_F(TlsPlanDane, WithRecordsTheHostMustMatchThem) {
  const TlsPlan made = plan(record("mail.example.com", "3 1 1"));
  EXPECT_FALSE(made.refusal);
  EXPECT_EQ(made.level, Level::encrypt);
  ASSERT_TRUE(made.check);
  EXPECT_EQ(made.check->tlsa.size(), 1U);
  EXPECT_THAT(made.check->names, ElementsAre("mail.example.com", "example.com"));
  EXPECT_EQ(made.sni, "mail.example.com");
  EXPECT_TRUE(made.secure);
  ASSERT_TRUE(made.reported);
  EXPECT_EQ(made.reported->policy, Policy::tlsa);
  EXPECT_THAT(made.reported->source, ElementsAre("3 1 1 " + kDigest));
}

TEST_F(TlsPlanDane, TheRecordsOfThePortThatIsConnectedToCount) {
  question_.port = 587;
  plan(record("mail.example.com", "3 1 1"));
  EXPECT_THAT(asked_, ElementsAre("TLSA _587._tcp.mail.example.com"));
}

TEST_F(TlsPlanDane, WithoutRecordsTlsIsOpportunistic) {
  const TlsPlan made = plan("SECURE\nmail.example.com. A 192.0.2.1\n");
  EXPECT_FALSE(made.refusal);
  EXPECT_EQ(made.level, Level::may);
  EXPECT_FALSE(made.check);
  EXPECT_FALSE(made.secure);
  ASSERT_TRUE(made.reported);
  EXPECT_EQ(made.reported->policy, Policy::none_found);
}

TEST_F(TlsPlanDane, WithoutDnssecNothingIsAskedAndTlsIsOpportunistic) {
  for (bool TlsQuestion::*which : {&TlsQuestion::secure_mx, &TlsQuestion::secure_host}) {
    question_.*which = false;
    const TlsPlan made = plan(record("mail.example.com", "3 1 1"));
    EXPECT_EQ(made.level, Level::may);
    EXPECT_FALSE(made.check);
    EXPECT_THAT(asked_, IsEmpty());
    question_.*which = true;
  }
}

TEST_F(TlsPlanDane, RecordsThatAreNotProvedDoNotCount) {
  const TlsPlan made = plan("_25._tcp.mail.example.com. TLSA 3 1 1 " + kDigest);
  EXPECT_EQ(made.level, Level::may);
  EXPECT_FALSE(made.check);
}

TEST_F(TlsPlanDane, AHostWhoseRecordsCannotBeHadIsNotUsed) {
  for (const char* failure : {"SERVFAIL", "TIMEOUT"}) {
    const TlsPlan made =
        plan(std::string("SECURE\n_25._tcp.mail.example.com. TLSA ") + failure + "\n");
    ASSERT_TRUE(made.refusal) << failure;
    EXPECT_EQ(made.refusal->code(), 451);
    EXPECT_THAT(std::string(made.refusal->text()), HasSubstr("TLSA"));
    EXPECT_EQ(made.failure, tls::Failure::dnssec_invalid);
  }
}

TEST_F(TlsPlanDane, WithUnusableRecordsAloneTlsMustBeAndNothingIsVerified) {
  for (const char* numbers : {"1 1 1", "0 0 1", "3 2 1", "3 1 3"}) {
    const TlsPlan made = plan(record("mail.example.com", numbers));
    EXPECT_FALSE(made.refusal) << numbers;
    EXPECT_EQ(made.level, Level::encrypt) << numbers;
    EXPECT_FALSE(made.check) << numbers;
    EXPECT_FALSE(made.secure) << numbers;
  }
}

TEST_F(TlsPlanDane, DaneOnlyUsesNoHostWithoutUsableRecords) {
  question_.level = TlsLevel::dane_only;
  EXPECT_FALSE(plan(record("mail.example.com", "2 0 1")).refusal);
  const TlsPlan unusable = plan(record("mail.example.com", "1 1 1"));
  ASSERT_TRUE(unusable.refusal);
  EXPECT_EQ(unusable.failure, tls::Failure::tlsa_invalid);
  const TlsPlan none = plan("SECURE\nmail.example.com. A 192.0.2.1\n");
  ASSERT_TRUE(none.refusal);
  EXPECT_EQ(none.refusal->code(), 451);
  EXPECT_EQ(none.failure, tls::Failure::dane_required);
  question_.secure_mx = false;
  EXPECT_TRUE(plan(record("mail.example.com", "3 1 1")).refusal);
}

TEST_F(TlsPlanDane, AnAliasIsCalledByItsLastNameFirst) {
  question_.canonical = "host.example.net";
  const TlsPlan last = plan(record("host.example.net", "3 1 1"));
  EXPECT_EQ(last.sni, "host.example.net");
  EXPECT_THAT(last.check->names,
              ElementsAre("host.example.net", "mail.example.com", "example.com"));
  const TlsPlan own = plan(record("mail.example.com", "3 1 1"));
  EXPECT_EQ(own.sni, "mail.example.com");
  EXPECT_THAT(asked_,
              ElementsAre("TLSA _25._tcp.host.example.net", "TLSA _25._tcp.mail.example.com"));
}

TEST_F(TlsPlanDane, AnAliasIntoAZoneThatIsNotSignedHasItsOwnRecords) {
  question_.canonical = "host.example.net";
  question_.secure_host = false;
  question_.secure_alias = true;
  EXPECT_TRUE(plan(record("mail.example.com", "3 1 1")).check);
  EXPECT_THAT(asked_, ElementsAre("TLSA _25._tcp.mail.example.com"));
  const TlsPlan made = plan("SECURE\n_25._tcp.mail.example.com. TLSA SERVFAIL\n");
  ASSERT_TRUE(made.refusal);
  EXPECT_EQ(made.refusal->code(), 451);
}

TEST_F(TlsPlanDane, PlansWithOtherRecordsDoNotShareConnections) {
  const std::string one = plan(record("mail.example.com", "3 1 1")).key;
  EXPECT_EQ(one, plan(record("mail.example.com", "3 1 1")).key);
  EXPECT_NE(one, plan(record("mail.example.com", "2 1 1")).key);
  EXPECT_NE(one, plan("SECURE\n").key);
}

TEST_F(TlsPlanDane, AHostOfTheConfigIsNotReported) {
  question_.domain.clear();
  const TlsPlan made = plan(record("mail.example.com", "3 1 1"));
  EXPECT_TRUE(made.check);
  EXPECT_FALSE(made.reported);
}

}  // namespace
}  // namespace postern::queue
