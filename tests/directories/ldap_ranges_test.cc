// SPDX-License-Identifier: Apache-2.0
// Active Directory's parts of long attributes: their descriptions, how they are put together, and
// what a server that gives them is asked. slapd has none: the server is a scripted one.
#include "directories/ldap_ranges.h"

#include "directories/ldap_bulk.h"
#include "directories/ldap_source.h"
#include "ldap_support.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::directories::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(LdapRange, IsReadFromTheDescription) {
  EXPECT_EQ(ldap_range_of("member;range=0-1499"), (LdapRange{"member", 0, 1499}));
  EXPECT_EQ(ldap_range_of("member;Range=1500-*"), (LdapRange{"member", 1500, std::nullopt}));
  EXPECT_EQ(ldap_range_of("member;binary;range=0-9"), (LdapRange{"member;binary", 0, 9}));
  EXPECT_EQ(ldap_range_of("member;range=0-9;lang-en"), (LdapRange{"member;lang-en", 0, 9}));
}

TEST(LdapRange, WhatIsNoneIsAWholeAttribute) {
  for (const char* text : {"member",
                           "",
                           ";",
                           "member;range",
                           "member;range=",
                           "member;range=0",
                           "member;range=-",
                           "member;range=*-*",
                           "member;range=0-9x",
                           "member;range=-1-9",
                           "member;ranged=0-9",
                           "member;range=0-9;range=0-9",
                           "member;range=0-99999999999999999999999"}) {
    EXPECT_EQ(ldap_range_of(text), std::nullopt) << text;
  }
}

/// A server with `count` values of "member", so many in a part; what it was asked.
struct LongAttribute {
  std::size_t count = 0;
  std::size_t part = 0;
  std::vector<std::string> asked;

  LdapEntry from(std::size_t first) const {
    LdapEntry out;
    out.dn = "cn=all";
    const std::size_t end = std::min(first + part, count);
    const std::string last = end == count ? "*" : std::to_string(end - 1);
    for (std::size_t i = first; i < end; ++i)
      out.values.push_back({fmt::format("member;range={}-{}", first, last), fmt::format("v{}", i)});
    return out;
  }
  AskLdapPart ask() {
    return [this](const std::string& dn, const std::string& attribute) {
      asked.push_back(dn + " " + attribute);
      return Result<LdapEntry, LdapFailure>(from(ldap_range_of(attribute)->first));
    };
  }
};

TEST(LdapRanges, AreReadOnUntilTheLast) {
  LongAttribute server{3500, 1500, {}};
  LdapEntry entry = server.from(0);
  entry.values.push_back({"mail", "all@company.ru"});
  EXPECT_TRUE(has_ldap_ranges(entry));
  ASSERT_TRUE(complete_ldap_ranges(entry, server.ask()));
  EXPECT_THAT(server.asked,
              ElementsAre("cn=all member;range=1500-*", "cn=all member;range=3000-*"));
  EXPECT_FALSE(has_ldap_ranges(entry));
  ASSERT_EQ(entry.values.size(), 3501U);
  EXPECT_EQ(entry.values[0].attribute, "member");
  EXPECT_EQ(entry.values[1500].value, "all@company.ru");
  EXPECT_EQ(entry.values.back().attribute, "member");
  EXPECT_EQ(entry.values.back().value, "v3499");
}

TEST(LdapRanges, AnEntryThatIsWholeIsNotAskedForAgain) {
  LongAttribute server{10, 20, {}};
  LdapEntry entry = server.from(0);  // "range=0-*"
  ASSERT_TRUE(complete_ldap_ranges(entry, server.ask()));
  EXPECT_TRUE(server.asked.empty());
  EXPECT_EQ(entry.values.size(), 10U);
  EXPECT_EQ(entry.values[9].attribute, "member");
}

/// What comes of a first part 0-1 when this comes behind it.
std::string completed(const LdapEntry& second) {
  LdapEntry entry = LongAttribute{4, 2, {}}.from(0);
  std::size_t asked = 0;
  const auto whole = complete_ldap_ranges(entry, [&](const std::string&, const std::string&) {
    ++asked;
    return Result<LdapEntry, LdapFailure>(second);
  });
  return whole ? "whole" : fmt::format("{}, asked {}", whole.error().text, asked);
}

TEST(LdapRanges, ThatDoNotFollowOneAnotherAreAnErrorAndNoLoop) {
  const std::string error = "search: only a part came, and no other behind it: member;range=0-1";
  const auto part = [](const std::string& description) {
    return LdapEntry{"cn=all", {{description, "v"}}};
  };
  EXPECT_EQ(completed(part("member;range=2-*")), "whole");
  EXPECT_THAT(completed({}), StartsWith(error));
  EXPECT_THAT(completed(part("member")), StartsWith(error));
  EXPECT_THAT(completed(part("member;range=0-1")), StartsWith(error)) << "the same again";
  EXPECT_THAT(completed(part("member;range=3-*")), StartsWith(error)) << "one was left out";
  EXPECT_THAT(completed(part("member;range=2-1")), StartsWith(error)) << "backwards";
  EXPECT_THAT(completed(part("memberOf;range=2-*")), StartsWith(error));
  LdapEntry late = part("member;range=5-9");
  EXPECT_FALSE(complete_ldap_ranges(late, LongAttribute{20, 5, {}}.ask()))
      << "the first is missing";
}

TEST(LdapRanges, AreBounded) {
  LongAttribute endless{10 * kMostLdapParts, 1, {}};
  LdapEntry entry = endless.from(0);
  EXPECT_FALSE(complete_ldap_ranges(entry, endless.ask()));
  EXPECT_EQ(endless.asked.size(), kMostLdapParts - 1);
}

TEST(LdapRanges, AServersFailureIsTheAnswer) {
  LdapEntry entry = LongAttribute{4, 2, {}}.from(0);
  const auto whole = complete_ldap_ranges(entry, [](const std::string&, const std::string&) {
    return Result<LdapEntry, LdapFailure>(LdapFailure{LdapTrouble::busy, "search: busy"});
  });
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().trouble, LdapTrouble::busy);
}

/// Three addresses of one entry in two parts, each asked for by a search of its own.
std::vector<std::string> in_parts(std::string_view second) {
  constexpr std::string_view kDn = "cn=i";
  return {bind_answer(0),
          search_entry(kDn, "proxyAddresses;range=0-1", {"SMTP:a@b.ru", "smtp:c@b.ru"}) +
              search_answer(0),
          search_entry(kDn, second, {"smtp:i@b.ru"}, 3) + search_answer(0, 3)};
}

TEST(LdapRanges, AQuestionIsAnsweredByALaterPart) {
  const ScriptedServer server(in_parts("proxyAddresses;range=2-*"));
  LdapSettings settings = settings_for({server.url()});
  settings.attributes = {"proxyAddresses"};
  const auto answer = make_ldap_source(settings)->look_up(mailbox("i", "b.ru"));
  EXPECT_EQ(word_of(answer.presence), "known") << answer.evidence;
  EXPECT_THAT(answer.evidence, HasSubstr("cn=i"));
}

TEST(LdapRanges, APartThatDoesNotComeIsNoUnknown) {
  const ScriptedServer server(in_parts("proxyAddresses;range=9-*"));
  LdapSettings settings = settings_for({server.url()});
  settings.attributes = {"proxyAddresses"};
  const auto answer = make_ldap_source(settings)->look_up(mailbox("i", "b.ru"));
  EXPECT_EQ(word_of(answer.presence), "unavailable");
  EXPECT_THAT(answer.evidence, HasSubstr("proxyAddresses;range=0-1"));
}

TEST(LdapRanges, ABulkLoadHasTheAddressesOfAllParts) {
  const ScriptedServer server(in_parts("proxyAddresses;range=2-*"));
  LdapSettings settings = settings_for({server.url()});
  settings.attributes = {"proxyAddresses"};
  settings.page_size = 0;  // the script knows no pages
  std::vector<std::string> addresses;
  const auto count =
      load_ldap(settings, [&](std::string_view address) { addresses.emplace_back(address); });
  ASSERT_TRUE(count) << count.error();
  EXPECT_THAT(addresses, ElementsAre("a@b.ru", "c@b.ru", "i@b.ru"));
}

}  // namespace
}  // namespace postern::directories::testing
