// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/said.h"

#include <gtest/gtest.h>

namespace postern::sink {
namespace {

TEST(Said, RefusalsAreCountedByReply) {
  EXPECT_EQ(count_refusals(""), 0U);
  EXPECT_EQ(count_refusals("250 2.1.0 ok\r\n"), 0U);
  EXPECT_EQ(count_refusals("250-450 x\r\n250 550\r\n"), 0U);
  EXPECT_EQ(count_refusals("550-5.1.1 no\r\n550 5.1.1 such user\r\n250 ok\r\n421 bye\r\n"), 2U);
}

TEST(Said, StatusesGoFromEachLine) {
  std::string replies = "550-5.1.1 no\r\n550 5.1.1 such user\r\n250-8BITMIME\r\n354 go on\r\n";
  drop_statuses(replies);
  EXPECT_EQ(replies, "550-no\r\n550 such user\r\n250-8BITMIME\r\n354 go on\r\n");
}

TEST(Said, HiddenKeywordsLeaveTheFirstLineAndAnEnd) {
  const std::string before = "220 sink\r\n";
  std::string replies = before + "250-DSN\r\n250-SIZE 100\r\n250-DSN\r\n250 AUTH PLAIN\r\n";
  const std::string hidden[] = {"DSN", "AUTH"};
  drop_keywords(replies, before.size(), hidden);
  EXPECT_EQ(replies, "220 sink\r\n250-DSN\r\n250 SIZE 100\r\n");
}

TEST(Said, AllKeywordsMayBeHidden) {
  std::string replies = "250-sink\r\n250-SIZE 100\r\n250 DSN\r\n";
  const std::string hidden[] = {"DSN", "SIZE"};
  drop_keywords(replies, 0, hidden);
  EXPECT_EQ(replies, "250 sink\r\n");
}

}  // namespace
}  // namespace postern::sink
