// SPDX-License-Identifier: Apache-2.0
#include "gateway/sender_map.h"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

smtp::ReversePath path(std::string_view text) {
  return smtp::ReversePath(*smtp::Mailbox::parse(text));
}

SenderMap filled(std::initializer_list<const char*> lines) {
  SenderMap map(routing::MailboxRules{nullptr, false, "+"});
  for (const char* line : lines)
    map.add_line(line);
  return map;
}

TEST(SenderMap, AllowsWhatTheLinesOfAnAccountSayTogether) {
  const SenderMap map =
      filled({"# ours", "", "Ann a@x.ru, b@x.ru", "ann @news.x.ru", "svc *", "bob @*.x.ru\r"});
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map.ignored(), 0U);
  EXPECT_TRUE(map.allows("ann", path("A@X.ru")));
  EXPECT_TRUE(map.allows("ann", path("b+tag@x.ru")));
  EXPECT_TRUE(map.allows("ann", path("who@news.x.ru")));
  EXPECT_FALSE(map.allows("ann", path("c@x.ru")));
  EXPECT_FALSE(map.allows("ann", path("who@more.news.x.ru")));
  EXPECT_TRUE(map.allows("svc", path("anybody@example.org")));
  EXPECT_TRUE(map.allows("bob", path("b@deep.x.ru")));
  EXPECT_FALSE(map.allows("bob", path("b@x.ru")));
}

TEST(SenderMap, LeavesEverybodyTheNullSenderAndTheOwnAddress) {
  const SenderMap map = filled({"ann@x.ru list@x.ru"});
  EXPECT_TRUE(map.allows("ann@x.ru", smtp::ReversePath()));
  EXPECT_TRUE(map.allows("nobody", smtp::ReversePath()));
  EXPECT_TRUE(map.allows("ann@x.ru", path("Ann@x.ru")));
  EXPECT_TRUE(map.allows("bob@x.ru", path("bob@x.ru")));
  EXPECT_FALSE(map.allows("bob@x.ru", path("ann@x.ru")));
  // Names that look like patterns are nobody's key to more.
  for (const char* name : {"*", "@x.ru", "@*.ru", "bob"})
    EXPECT_FALSE(map.allows(name, path("ann@x.ru"))) << name;
}

TEST(SenderMap, TheOwnAddressHasNoCaseEvenWhereMailboxesHave) {
  SenderMap map(routing::MailboxRules{nullptr, true, "+"});
  map.add_line("bob@x.ru List@x.ru");
  EXPECT_TRUE(map.allows("ann@x.ru", path("Ann@x.ru")));
  EXPECT_TRUE(map.allows("bob@x.ru", path("List@x.ru")));
  EXPECT_FALSE(map.allows("bob@x.ru", path("list@x.ru")));
}

TEST(SenderMap, SaysWhichLinesAreWrong) {
  const SenderMap map = filled({"ann", "a:b x@x.ru", "bob nonsense", "carl c@x.ru bad@"});
  EXPECT_EQ(map.size(), 0U);
  EXPECT_EQ(map.ignored(), 4U);
  EXPECT_EQ(map.first_ignored().substr(0, 8), "line 1: ");
}

}  // namespace
}  // namespace postern::gateway
