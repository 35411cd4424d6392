// SPDX-License-Identifier: Apache-2.0
// What is counted in a day.
#include "tls_report/tally.h"

#include <gtest/gtest.h>

namespace postern::tls_report {
namespace {

Sighting seen(const std::string& domain, const std::string& result = "") {
  Sighting out;
  out.domain = domain;
  out.policy_type = "sts";
  out.policy = {"version: STSv1", "mode: testing"};
  out.mx_patterns = {"*.example.com"};
  out.result = result;
  out.mx_host = "mx.example.com";
  out.receiving_ip = "192.0.2.1";
  out.detail = "the reason";
  return out;
}

TEST(TlsReportDay, CountsByDomainPolicyAndWhatFailed) {
  Day day;
  day.count(seen("example.com"));
  day.count(seen("example.com"));
  day.count(seen("example.com", "certificate-expired"));
  day.count(seen("example.com", "certificate-expired"));
  day.count(seen("example.com", "certificate-host-mismatch"));
  Sighting other = seen("example.com");
  other.policy_type = "tlsa";
  day.count(other);
  day.count(seen("example.org"));
  ASSERT_EQ(day.domains().size(), 2U);
  const Day::Policies& policies = day.domains().at("example.com");
  ASSERT_EQ(policies.size(), 2U);
  EXPECT_EQ(policies[0].successes, 2U);
  EXPECT_EQ(policies[0].failed(), 3U);
  ASSERT_EQ(policies[0].failures.size(), 2U);
  EXPECT_EQ(policies[0].failures[0].result, "certificate-expired");
  EXPECT_EQ(policies[0].failures[0].count, 2U);
  EXPECT_EQ(policies[1].type, "tlsa");
  EXPECT_EQ(policies[1].successes, 1U);
}

TEST(TlsReportDay, IsBounded) {
  Day day;
  for (std::size_t i = 0; i < Day::kMostFailures + 50; ++i) {
    Sighting one = seen("example.com", "validation-failure");
    one.mx_host = "mx" + std::to_string(i) + ".example.com";
    day.count(one);
  }
  const PolicyTally& policy = day.domains().at("example.com").at(0);
  EXPECT_EQ(policy.failures.size(), Day::kMostFailures + 1);
  EXPECT_EQ(policy.failures.back().count, 50U);
  EXPECT_EQ(policy.failures.back().mx_host, "");
  EXPECT_EQ(policy.failed(), Day::kMostFailures + 50);
  for (std::size_t i = 0; i < Day::kMostPolicies + 5; ++i) {
    Sighting one = seen("example.org");
    one.policy = {std::to_string(i)};
    day.count(one);
  }
  EXPECT_EQ(day.domains().at("example.org").size(), Day::kMostPolicies);
  EXPECT_EQ(day.domains().at("example.org").back().successes, 6U);
  for (std::size_t i = 0; i < Day::kMostDomains + 5; ++i)
    day.count(seen("d" + std::to_string(i)));
  EXPECT_EQ(day.domains().size(), Day::kMostDomains);
}

TEST(TlsReportDay, IsTheSameFromAFile) {
  Day day;
  day.count(seen("example.com"));
  day.count(seen("example.com", "starttls-not-supported"));
  const std::optional<Day> again = Day::load(day.save());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->save(), day.save());
  EXPECT_EQ(again->domains().at("example.com").at(0).failures.at(0).detail, "the reason");
}

TEST(TlsReportDay, WhatIsNoDayIsNone) {
  for (const char* const text :
       {"", "[]", "{", "{\"a\":1}", "{\"a\":[{}]}", "{\"a\":[{\"type\":5}]}"})
    EXPECT_FALSE(Day::load(text)) << text;
  EXPECT_TRUE(Day::load("{}"));
}

TEST(TlsReportDay, OctetsThatAreNoUtf8AreNoTrouble) {
  Day day;
  Sighting one = seen("example.com", "validation-failure");
  one.detail = "\xff\r\n";
  one.policy = {"\xfe"};
  day.count(one);
  EXPECT_TRUE(Day::load(day.save()));
}

}  // namespace
}  // namespace postern::tls_report
