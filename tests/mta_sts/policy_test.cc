// SPDX-License-Identifier: Apache-2.0
// RFC 8461 section 3: policies and the records that announce them.
#include "mta_sts/policy.h"

#include <gtest/gtest.h>

namespace postern::mta_sts {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kExample =
    "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n"
    "mx: backupmx.example.com\r\nmax_age: 604800\r\n";

std::string why_not(std::string_view text) {
  const auto policy = parse_policy(text);
  return policy ? "" : policy.error();
}

TEST(StsPolicy, TheExampleOfTheRfc) {
  const auto policy = parse_policy(kExample);
  ASSERT_TRUE(policy) << policy.error();
  EXPECT_EQ(policy->mode, Mode::enforce);
  EXPECT_EQ(policy->max_age, 604'800s);
  const std::vector<std::string> mx{"mail.example.com", "*.example.net", "backupmx.example.com"};
  EXPECT_EQ(policy->mx, mx);
}

TEST(StsPolicy, LineFeedsBlanksAndAnUnknownKeyAreFine) {
  const auto policy = parse_policy(
      "version:STSv1 \nmode:\ttesting\nfuture-key: \xD1\x8F anything\nmx:MAIL.Example.com\n"
      "max_age: 1\n\nmx: two.example.com");
  ASSERT_TRUE(policy) << policy.error();
  EXPECT_EQ(policy->mode, Mode::testing);
  EXPECT_EQ(policy->mx, (std::vector<std::string>{"mail.example.com", "two.example.com"}));
}

TEST(StsPolicy, OfAKeyThatIsThereTwiceTheFirstCounts) {
  const auto policy =
      parse_policy("version: STSv1\nmode: none\nmode: enforce\nmax_age: 5\nmax_age: 7\n");
  ASSERT_TRUE(policy) << policy.error();
  EXPECT_EQ(policy->mode, Mode::none);
  EXPECT_EQ(policy->max_age, 5s);
}

TEST(StsPolicy, AYearIsTheLongest) {
  const auto policy = parse_policy("version: STSv1\nmode: none\nmax_age: 9999999999\n");
  ASSERT_TRUE(policy) << policy.error();
  EXPECT_EQ(policy->max_age, kMostAge);
}

TEST(StsPolicy, WhatIsNoPolicySaysWhy) {
  EXPECT_EQ(why_not(""), "the version is not STSv1");
  EXPECT_EQ(why_not("version: STSv2\nmode: none\nmax_age: 5\n"), "the version is not STSv1");
  EXPECT_EQ(why_not("version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 5\n"),
            "the mode is not none, testing or enforce");
  EXPECT_EQ(why_not("version: STSv1\nmx: a.example\nmax_age: 5\n"),
            "the mode is not none, testing or enforce");
  for (const std::string_view age :
       {"", "max_age: -1\n", "max_age: 5d\n", "max_age: 12345678901\n"})
    EXPECT_EQ(why_not("version: STSv1\nmode: enforce\nmx: a.example\n" + std::string(age)),
              "max_age is not a number of seconds")
        << age;
  EXPECT_EQ(why_not("version: STSv1\nmode: enforce\nmax_age: 5\n"), "there is no mx line");
  EXPECT_EQ(why_not("version: STSv1\nmode: none\nmax_age: 5\n"), "");
  EXPECT_EQ(why_not("<html>\n"), "line 1 is not \"key: value\"");
  EXPECT_EQ(why_not("version: STSv1\nmode:\n"), "line 2 has no value that can be read");
  for (const std::string_view mx :
       {"*", "*.", "a.*.example", "**.example", "a..example", "a b", "mx.*"})
    EXPECT_EQ(why_not("version: STSv1\nmode: enforce\nmax_age: 5\nmx: " + std::string(mx)),
              "an mx line has no host name or \"*.\" and a domain")
        << mx;
}

TEST(StsPolicy, IsBounded) {
  EXPECT_EQ(why_not(std::string(kExample) + std::string(kMostOctets, '\n')),
            "the policy is longer than 64 KiB");
  std::string many = "version: STSv1\nmode: enforce\nmax_age: 5\n";
  for (std::size_t i = 0; i <= kMostPatterns; ++i)
    many += "mx: a.example\n";
  EXPECT_EQ(why_not(many), "there are more than 256 mx lines");
}

TEST(StsPolicy, ItsLinesAreAPolicyAgain) {
  const auto policy = parse_policy(kExample);
  ASSERT_TRUE(policy);
  std::string text;
  for (const std::string& line : lines_of(*policy))
    text += line + "\n";
  const auto again = parse_policy(text);
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(*again, *policy);
}

TEST(StsPolicy, AStarIsOneLabel) {
  EXPECT_TRUE(mx_matches("mail.example.com", "Mail.Example.COM."));
  EXPECT_FALSE(mx_matches("mail.example.com", "xmail.example.com"));
  EXPECT_TRUE(mx_matches("*.example.net", "mx1.example.net"));
  EXPECT_FALSE(mx_matches("*.example.net", "example.net"));
  EXPECT_FALSE(mx_matches("*.example.net", "a.mx1.example.net"));
  EXPECT_FALSE(mx_matches("*.example.net", ".example.net"));
  EXPECT_FALSE(mx_matches("*.example.net", ""));
  const auto policy = parse_policy(kExample);
  ASSERT_TRUE(policy);
  EXPECT_TRUE(allows(*policy, "any.example.net"));
  EXPECT_FALSE(allows(*policy, "mail.example.org"));
}

TEST(StsRecord, OneGoodRecordAnnouncesAnId) {
  EXPECT_EQ(announced_id({"v=STSv1; id=20160831085700Z;"}), "20160831085700Z");
  EXPECT_EQ(announced_id({"v=STSv1;id=1"}), "1");
  EXPECT_EQ(announced_id({"v=STSv1 ; more=x ; id=a1 ; "}), "a1");
  EXPECT_EQ(announced_id({"v=spf1 -all", "v=STSv1; id=7", "v=STSv10; id=8"}), "7");
}

TEST(StsRecord, SeveralNoneOrABrokenOneAnnounceNothing) {
  EXPECT_EQ(announced_id({}), std::nullopt);
  EXPECT_EQ(announced_id({"v=spf1 -all"}), std::nullopt);
  EXPECT_EQ(announced_id({"v=STSv1; id=7", "v=STSv1; id=7"}), std::nullopt);
  for (const char* const record : {"v=STSv1",
                                   "v=STSv1;",
                                   "v=STSv1; id=",
                                   "v=STSv1; id=a-b",
                                   "v=STSv1; id=123456789012345678901234567890123",
                                   "v=STSv1; ; id=1",
                                   "v=STSv1; nothing; id=1",
                                   " v=STSv1; id=1",
                                   "V=STSv1; id=1"})
    EXPECT_EQ(announced_id({record}), std::nullopt) << record;
}

}  // namespace
}  // namespace postern::mta_sts
