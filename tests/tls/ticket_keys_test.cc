// SPDX-License-Identifier: Apache-2.0
#include "tls/ticket_keys.h"

#include <gtest/gtest.h>

namespace postern::tls {
namespace {

using namespace std::chrono_literals;

class TicketKeysTest : public ::testing::Test {
 protected:
  static std::span<const unsigned char, 16> name_of(const TicketKeys::Key& key) {
    return std::span<const unsigned char, 16>(key.name);
  }

  std::chrono::steady_clock::time_point now{std::chrono::hours(100)};
  TicketKeys keys{
      TicketKeys::Options{12h, [this] { return now; }}
  };
};

TEST_F(TicketKeysTest, IsTheSameForAPeriodAndAnotherBehindIt) {
  const auto first = keys.current();
  now += 12h - 1s;
  const auto same = keys.current();
  now += 1s;
  const auto second = keys.current();
  ASSERT_TRUE(first && same && second);
  EXPECT_EQ(first->name, same->name);
  EXPECT_EQ(first->cipher, same->cipher);
  EXPECT_NE(first->name, second->name);
  EXPECT_NE(first->cipher, second->cipher);
  EXPECT_NE(first->mac, second->mac);
}

TEST_F(TicketKeysTest, KnowsTheOneOfBeforeAndNoOlderOne) {
  const auto first = keys.current();
  ASSERT_TRUE(first);
  const auto found = keys.find(name_of(*first));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->is_current);
  now += 12h;
  const auto as_previous = keys.find(name_of(*first));
  ASSERT_TRUE(as_previous);
  EXPECT_FALSE(as_previous->is_current);
  EXPECT_EQ(as_previous->key.cipher, first->cipher);
  now += 12h;
  EXPECT_FALSE(keys.find(name_of(*first)));
}

TEST_F(TicketKeysTest, ForgetsAKeyThatNobodyUsedForTwoPeriods) {
  const auto first = keys.current();
  ASSERT_TRUE(first);
  now += 24h;
  EXPECT_FALSE(keys.find(name_of(*first)));
  EXPECT_TRUE(keys.current());
}

TEST_F(TicketKeysTest, KnowsNoKeyOfOthers) {
  TicketKeys other;
  const auto theirs = other.current();
  ASSERT_TRUE(keys.current() && theirs);
  EXPECT_FALSE(keys.find(name_of(*theirs)));
}

}  // namespace
}  // namespace postern::tls
