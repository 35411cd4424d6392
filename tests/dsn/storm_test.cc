// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/storm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::dsn {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const StormGuard::Clock::time_point kStart{1h};

int admitted(StormGuard& guard, std::string_view sender, int times, StormGuard::Clock::duration t) {
  int out = 0;
  for (int i = 0; i < times; ++i)
    out += guard.admit(sender, kStart + t) ? 1 : 0;
  return out;
}

TEST(StormGuard, LetsABurstThroughAndThenOneAnInterval) {
  StormGuard guard(6);
  EXPECT_EQ(admitted(guard, "a@x.ru", 100, 0s), 6);
  EXPECT_EQ(admitted(guard, "a@x.ru", 100, 9s), 0);
  EXPECT_EQ(admitted(guard, "a@x.ru", 100, 10s), 1);
  EXPECT_EQ(admitted(guard, "a@x.ru", 100, 30s), 2);
  EXPECT_EQ(admitted(guard, "a@x.ru", 100, 1h), 6);
}

TEST(StormGuard, KeepsSendersApartAndNotByCase) {
  StormGuard guard(2);
  EXPECT_EQ(admitted(guard, "a@x.ru", 5, 0s), 2);
  EXPECT_EQ(admitted(guard, "A@X.RU", 5, 0s), 0);
  EXPECT_EQ(admitted(guard, "b@x.ru", 5, 0s), 2);
  EXPECT_EQ(guard.senders(), 2U);
}

TEST(StormGuard, CountsWhatItHoldsBackOnce) {
  StormGuard guard(2);
  admitted(guard, "a@x.ru", 5, 0s);
  admitted(guard, "b@x.ru", 2, 0s);
  EXPECT_THAT(guard.take_held_back(kStart),
              UnorderedElementsAre(StormGuard::HeldBack{"a@x.ru", 3}));
  admitted(guard, "a@x.ru", 2, 9s);
  EXPECT_THAT(guard.take_held_back(kStart + 9s), IsEmpty()) << "not a line for each";
  EXPECT_THAT(guard.take_held_back(kStart + 10s),
              UnorderedElementsAre(StormGuard::HeldBack{"a@x.ru", 2}));
  EXPECT_THAT(guard.take_held_back(kStart + 20s), IsEmpty());
}

TEST(StormGuard, CountsWhatWasLetThroughByANewLimit) {
  StormGuard guard(2);
  EXPECT_EQ(admitted(guard, "a@x.ru", 5, 0s), 2);
  guard.set_per_minute(6);
  // The two took a minute at the old rate, which is six at the new one.
  EXPECT_EQ(admitted(guard, "a@x.ru", 10, 0s), 0);
  EXPECT_EQ(admitted(guard, "a@x.ru", 10, 10s), 1);
  EXPECT_EQ(admitted(guard, "b@x.ru", 10, 10s), 6);
}

TEST(StormGuard, NoneAMinuteMeansNone) {
  StormGuard guard(0);
  EXPECT_EQ(admitted(guard, "a@x.ru", 3, 0s), 0);
  EXPECT_THAT(guard.take_held_back(kStart + 1h),
              UnorderedElementsAre(StormGuard::HeldBack{"a@x.ru", 3}));
}

TEST(StormGuard, SharesOneBucketWhenTheTableIsFull) {
  StormGuard guard(2, 3);
  int out = 0;
  for (int i = 0; i < 1000; ++i)
    out += admitted(guard, std::to_string(i) + "@x.ru", 1, 0s);
  EXPECT_EQ(out, 3 + 2);
  EXPECT_EQ(guard.senders(), 3U);
  EXPECT_THAT(guard.take_held_back(kStart + 1h),
              UnorderedElementsAre(StormGuard::HeldBack{"", 995}));
}

TEST(StormGuard, ForgetsSendersOnlyWhenTheirBucketsAreFullAgain) {
  StormGuard guard(2, 2);
  admitted(guard, "a@x.ru", 3, 0s);
  admitted(guard, "b@x.ru", 1, 40s);
  EXPECT_EQ(admitted(guard, "c@x.ru", 2, 61s), 2);
  EXPECT_EQ(guard.senders(), 2U);  // a is gone, b is not
  EXPECT_EQ(admitted(guard, "b@x.ru", 2, 61s), 1);
  // What was held back from a is not lost.
  EXPECT_THAT(guard.take_held_back(kStart + 1h),
              UnorderedElementsAre(StormGuard::HeldBack{"", 1}, StormGuard::HeldBack{"b@x.ru", 1}));
}

}  // namespace
}  // namespace postern::dsn
