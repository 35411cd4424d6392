// SPDX-License-Identifier: Apache-2.0
#include "directories/setting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::directories {
namespace {

using ::testing::HasSubstr;
using Kind = Setting::Kind;

Setting leaf(Kind kind, std::string name) {
  return Setting{kind, std::move(name), {}};
}

TEST(Setting, NamesOneDirectory) {
  EXPECT_EQ(*parse_setting("ldap:ad"), leaf(Kind::ldap, "ad"));
  EXPECT_EQ(*parse_setting("sql:pg"), leaf(Kind::sql, "pg"));
  EXPECT_EQ(*parse_setting("smtp:vk"), leaf(Kind::smtp, "vk"));
}

TEST(Setting, APathAloneMayHoldAnything) {
  EXPECT_EQ(*parse_setting("file:/srv/mail boxes (new).txt"),
            leaf(Kind::file, "/srv/mail boxes (new).txt"));
}

TEST(Setting, CombinesSettingsThatStandApartBySpaces) {
  const Setting wanted{
      Kind::any, {     },
       { leaf(Kind::file, "/a"), leaf(Kind::ldap, "ad")}
  };
  EXPECT_EQ(*parse_setting("any:file:/a ldap:ad"), wanted);
  EXPECT_EQ(*parse_setting("any: \t file:/a\t ldap:ad "), wanted);
}

TEST(Setting, InnerCombinationsStandInParentheses) {
  const Setting inner{
      Kind::all, {    },
       { leaf(Kind::ldap, "x"), leaf(Kind::sql, "y")}
  };
  const Setting wanted{
      Kind::any, {     },
       { leaf(Kind::file, "/a"), inner, leaf(Kind::smtp, "vk")}
  };
  EXPECT_EQ(*parse_setting("any:file:/a (all:ldap:x sql:y) smtp:vk"), wanted);
  EXPECT_EQ(text_of(wanted), "any:file:/a (all:ldap:x sql:y) smtp:vk");
}

TEST(Setting, EveryWrongFormSaysWhereAndWhatToWrite) {
  struct Wrong {
    std::string_view text;
    std::size_t at;
    std::string_view says;
  };
  const Wrong wrongs[] = {
      {"",                             0,  "file:"              },
      {"/etc/m.txt",                   0,  "\"file:/etc/m.txt\""},
      {"ldaps:ad",                     0,  "does not say"       },
      {"ldap:",                        5,  "\"ldap:NAME\""      },
      {"file:",                        5,  "\"file:/path\""     },
      {"any:",                         4,  "empty"              },
      {"ldap:a ldap:b",                6,  "any:SETTING SETTING"},
      {"any:ldap:a)",                  10, "closes nothing"     },
      {"any:(ldap:a",                  11, "\")\" is missing"   },
      {"any:ldap:a all:ldap:b ldap:c", 28, "parentheses"        },
      {"any:ldap:a(ldap:b)",           10, "space"              },
      {"all:()",                       5,  "does not say"       },
  };
  for (const Wrong& wrong : wrongs) {
    const auto result = parse_setting(wrong.text);
    ASSERT_FALSE(result) << wrong.text;
    EXPECT_EQ(result.error().at, wrong.at) << wrong.text << ": " << result.error().message;
    EXPECT_THAT(result.error().message, HasSubstr(wrong.says)) << wrong.text;
  }
}

TEST(Setting, ADepthThatNobodyMeansIsRefused) {
  std::string text = "ldap:x";
  for (int i = 0; i < 1000; ++i)
    text = "any:(" + text + ")";
  EXPECT_THAT(parse_setting(text).error().message, HasSubstr("too many"));
}

TEST(Setting, LeavesComeInOrder) {
  std::string seen;
  for_each_leaf(*parse_setting("any:file:/a (all:ldap:x sql:y) smtp:vk"),
                [&seen](const Setting& one) { seen += one.name + " "; });
  EXPECT_EQ(seen, "/a x y vk ");
}

}  // namespace
}  // namespace postern::directories
