// SPDX-License-Identifier: Apache-2.0
#include "routing/mailbox_key.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::routing {
namespace {

TEST(LocalKey, FoldsCaseAndDropsQuotes) {
  struct Case {
    const char* local;
    bool case_sensitive;
    const char* key;
  };
  const Case cases[] = {
      {"I.Ivanov",       false, "i.ivanov"},
      {"I.Ivanov",       true,  "I.Ivanov"},
      {"\"I.Ivanov\"",   false, "i.ivanov"},
      {"\"a\\\"b\\\\\"", false, "a\"b\\"  },
      {"\"",             false, "\""      },
      {"\"\"",           false, ""        },
      {"ИВАН",       false, "ИВАН"}, // only ASCII is folded
  };
  for (const Case& c : cases) {
    EXPECT_EQ(LocalKey(c.local, c.case_sensitive).view(), c.key) << c.local;
  }
}

TEST(RecipientKey, HasTheWholeKeyAndTheOneWithoutItsTag) {
  const RecipientKey tagged("\"User\"", 3, false, "+");
  EXPECT_EQ(tagged.whole().text, "user");
  EXPECT_FALSE(tagged.has_tag());
  EXPECT_EQ(tagged.without_tag().text, "user");
  EXPECT_EQ(tagged.without_tag().hash, tagged.whole().hash);
  EXPECT_EQ(tagged.domain(), 3);
  RecipientKey copy = RecipientKey("User+x", 1, false, "+-");
  EXPECT_EQ(copy.whole().text, "user+x");
  EXPECT_TRUE(copy.has_tag());
  EXPECT_EQ(copy.without_tag().text, "user");
  EXPECT_EQ(copy.without_tag().hash, tagged.whole().hash);
  EXPECT_NE(copy.whole().hash, tagged.whole().hash);
  copy = tagged;  // its views are its own
  EXPECT_EQ(copy.whole().text, "user");
  EXPECT_NE(copy.whole().text.data(), tagged.whole().text.data());
  EXPECT_FALSE(RecipientKey(std::string(300, 'x'), 0, false, "+").fits());
  EXPECT_EQ(RecipientKey().domain(), RecipientKey::kNoDomain);
}

TEST(LocalKey, R8aTheTagBeginsAtTheFirstDelimiter) {
  const LocalKey key("user+a-b", false);
  EXPECT_EQ(key.without_tag("+"), "user");
  EXPECT_EQ(key.without_tag("-"), "user+a");
  EXPECT_EQ(key.without_tag("-+"), "user");
  EXPECT_EQ(key.without_tag(""), "user+a-b");
  EXPECT_EQ(LocalKey("+user", false).without_tag("+"), "+user");
  EXPECT_EQ(LocalKey("user+", false).without_tag("+"), "user");
}

TEST(LocalKey, WhatIsTooLongEqualsNothing) {
  const std::string local(257, 'a');
  EXPECT_FALSE(LocalKey(local, false).fits());
  const smtp::Mailbox huge(local, "company.ru");
  EXPECT_FALSE(same_mailbox(huge, huge, false));
}

TEST(SameMailbox, ComparesDomainsWithoutCaseAndLocalPartsAsAsked) {
  const smtp::Mailbox upper("I.Ivanov", "Company.RU");
  const smtp::Mailbox lower("i.ivanov", "company.ru");
  EXPECT_TRUE(same_mailbox(upper, lower, false));
  EXPECT_FALSE(same_mailbox(upper, lower, true));
  EXPECT_FALSE(same_mailbox(lower, smtp::Mailbox("i.ivanov+a", "company.ru"), false));
  EXPECT_FALSE(same_mailbox(lower, smtp::Mailbox("i.ivanov", "tech.company.ru"), false));
}

}  // namespace
}  // namespace postern::routing
