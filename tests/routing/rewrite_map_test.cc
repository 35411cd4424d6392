// SPDX-License-Identifier: Apache-2.0
#include "routing/rewrite_map.h"

#include "routing/address_patterns.h"
#include "routing/way_files.h"
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RewriteMap map_of(std::initializer_list<std::string_view> lines) {
  RewriteMap out{MailboxRules()};
  for (const std::string_view line : lines)
    out.add_line(line);
  return out;
}

std::string found(const RewriteMap& map, std::string_view address) {
  const auto hit = map.find(mailbox(address));
  return hit ? hit->to.text() + " line " + std::to_string(hit->line) : "none";
}

TEST(RewriteMap, ReadsLinesAndNamesThem) {
  const RewriteMap map = map_of({"# head", "", " a@x.ru\tb@y.ru \r", "@x.ru @z.ru"});
  EXPECT_EQ(found(map, "A@X.ru"), "b@y.ru line 3");
  EXPECT_EQ(found(map, "c@x.ru"), "c@z.ru line 4");
  EXPECT_EQ(found(map, "c@y.ru"), "none");
  EXPECT_EQ(map.size(), 2U);
}

TEST(RewriteMap, IgnoresWhatIsNoPairAndSaysWhich) {
  const RewriteMap map = map_of({"a@x.ru", "a@x.ru @y.ru", "@x.ru b@y.ru", "a@x.ru b@y.ru c@z.ru"});
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.ignored(), 4U);
  EXPECT_THAT(map.first_ignored(), HasSubstr("line 1"));
}

TEST(RewriteMap, TheFirstOfTwoRulesAndTheFullAddressCount) {
  const RewriteMap map = map_of({"a@x.ru b@y.ru", "a@x.ru c@y.ru", "a+tag@x.ru d@y.ru"});
  EXPECT_EQ(found(map, "a@x.ru"), "b@y.ru line 1");
  EXPECT_EQ(found(map, "a+tag@x.ru"), "d@y.ru line 3");
  EXPECT_EQ(found(map, "a+other@x.ru"), "b+other@y.ru line 1");
}

TEST(RewriteMap, FindsRulesThatLeadInACircle) {
  EXPECT_THAT(map_of({"a@x.ru b@x.ru", "b@x.ru c@x.ru"}).cycle(), IsEmpty());
  EXPECT_THAT(map_of({"a@x.ru b@x.ru", "b@x.ru A@x.ru"}).cycle(),
              ElementsAre("a@x.ru", "b@x.ru", "a@x.ru"));
  EXPECT_THAT(map_of({"@x.ru @y.ru", "@y.ru @x.ru"}).cycle(),
              ElementsAre("@x.ru", "@y.ru", "@x.ru"));
  EXPECT_THAT(map_of({"a@x.ru a@y.ru", "@y.ru @x.ru"}).cycle(),
              ElementsAre("a@x.ru", "a@y.ru", "a@x.ru"));
  EXPECT_THAT(map_of({"a@x.ru a@x.ru"}).cycle(), ElementsAre("a@x.ru", "a@x.ru"));
}

TEST(RewriteMap, AFileIsTakenAnewWhenItChanges) {
  const TemporaryFile file("a@x.ru b@x.ru\n");
  Config config = example_config();
  config.rewrites = {
      RewriteRule{"", "", file.path()}
  };
  WatchedTable::Options at_once;
  at_once.settle = std::chrono::milliseconds(0);
  WayFiles files(config, at_once);
  EXPECT_EQ(found(*files.map(file.path())->table(), "a@x.ru"), "b@x.ru line 1");
  file.replace_by("a@x.ru c@x.ru\n");
  files.refresh();
  EXPECT_EQ(found(*files.map(file.path())->table(), "a@x.ru"), "c@x.ru line 1");
}

TEST(AddressPatterns, MatchAddressesDomainsAndSubdomains) {
  const AddressPatterns patterns({"u@a.ru", "@b.ru", "@*.c.ru"}, false, "+");
  for (const char* in : {"U@A.ru", "u+x@a.ru", "any@B.RU", "x@s.c.ru", "x@t.s.c.ru"})
    EXPECT_TRUE(patterns.match(mailbox(in))) << in;
  for (const char* out : {"v@a.ru", "x@s.b.ru", "x@c.ru", "x@xc.ru"})
    EXPECT_FALSE(patterns.match(mailbox(out))) << out;
  EXPECT_FALSE(patterns.match(smtp::ReversePath()));
}

TEST(AddressPatterns, TheEmptyOneIsTheNullSenderAndAStarEverybody) {
  const AddressPatterns null({""}, false, "+");
  EXPECT_TRUE(null.match(smtp::ReversePath()));
  EXPECT_FALSE(null.match(mailbox("u@a.ru")));
  const AddressPatterns all({"*"}, false, "+");
  EXPECT_TRUE(all.match(smtp::ReversePath()));
  EXPECT_TRUE(all.match(mailbox("u@a.ru")));
  EXPECT_TRUE(AddressPatterns().empty());
}

TEST(AddressPatterns, RefuseWhatIsNone) {
  for (const char* bad : {"a.ru", "@", "@.ru", "@*", "u@", "@a b.ru", "u@a@b", "@*.*.ru"})
    EXPECT_FALSE(AddressPatterns::is_pattern(bad)) << bad;
}

}  // namespace
}  // namespace postern::routing::testing
