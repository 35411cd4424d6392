// SPDX-License-Identifier: Apache-2.0
#include "routing/key_filter.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace postern::routing {
namespace {

TEST(KeyFilter, NeverDeniesWhatWasAddedAndDeniesMostOfTheRest) {
  constexpr std::size_t kKeys = 5000;
  KeyFilter filter;
  filter.reset(kKeys);
  std::mt19937 random(7);
  std::set<std::uint32_t> added;
  while (added.size() < kKeys) {
    const auto hash = static_cast<std::uint32_t>(random());
    added.insert(hash);
    filter.add(hash);
  }
  for (const std::uint32_t hash : added)
    ASSERT_TRUE(filter.may_have(hash));
  std::size_t asked = 0;
  std::size_t mistaken = 0;
  while (asked < 20'000) {
    const auto hash = static_cast<std::uint32_t>(random());
    if (added.contains(hash)) continue;
    ++asked;
    if (filter.may_have(hash)) ++mistaken;
  }
  EXPECT_LT(mistaken, asked / 10);
}

TEST(KeyFilter, KnowsNothingWithoutRoom) {
  KeyFilter filter;
  filter.add(1);
  EXPECT_TRUE(filter.may_have(2));
  filter.reset(10);
  EXPECT_FALSE(filter.may_have(2));
  filter.reset(0);
  EXPECT_TRUE(filter.may_have(2));
}

}  // namespace
}  // namespace postern::routing
