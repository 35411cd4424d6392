// SPDX-License-Identifier: Apache-2.0
#include "queue/lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::queue {
namespace {

using spool::MessageId;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const Lane::Time kNow{std::chrono::hours(1000)};
const Lane::Time kLater = kNow + std::chrono::hours(1);

/// 1 may start, 2 and 3 wait for their time.
Lane lane() {
  Lane out("vk", LanePolicy());
  out.add(MessageId(1), Lane::Time());
  out.add(MessageId(2), kLater);
  out.add(MessageId(3), kLater);
  return out;
}

TEST(LaneControl, TriesTheNamedMessagesNowAndNoOther) {
  Lane one = lane();
  const std::vector<MessageId> ids = {MessageId(1), MessageId(3), MessageId(4)};
  EXPECT_THAT(one.retry_now(ids), UnorderedElementsAre(MessageId(1), MessageId(3)));
  EXPECT_EQ(one.next(kNow), MessageId(1));
  EXPECT_EQ(one.next(kNow), MessageId(3));
  EXPECT_EQ(one.next(kNow), std::nullopt);
  EXPECT_EQ(one.next(kLater), MessageId(2));
}

TEST(LaneControl, ProbesADeadHopAtOnceForARetry) {
  Lane one = lane();
  one.add(MessageId(3), Lane::Time());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(one.next(kNow).has_value() || one.next(kLater).has_value());
    one.finished(LaneOutcome::dead, kNow, 0.5);
  }
  ASSERT_EQ(one.next(kNow), std::nullopt);
  one.add(MessageId(9), kLater);
  EXPECT_THAT(one.retry_now(std::vector<MessageId>{MessageId(8)}), IsEmpty());
  EXPECT_EQ(one.next(kNow), std::nullopt) << "none of its messages was meant";
  one.retry_now(std::vector<MessageId>{MessageId(9)});
  EXPECT_EQ(one.next(kNow), MessageId(9)) << "the one that was named, not the oldest";
}

/// Twice dead at kNow.
Lane broken() {
  Lane out("mx", LanePolicy());
  for (const unsigned n : {1U, 2U}) {
    out.add(MessageId(n), Lane::Time());
    out.next(kNow);
    out.finished(LaneOutcome::dead, kNow, 0.5);
    out.add(MessageId(n), Lane::Time());
  }
  return out;
}

TEST(LaneControl, WhatIsTriedBesideABrokenCircuitLeavesThePauseAsItIs) {
  Lane one = broken();
  const Lane::Time until = one.blocked_until();
  ASSERT_GT(until, kNow);
  for (unsigned n = 10; n < 20; ++n) {
    one.add(MessageId(n), Lane::Time());
    one.try_beside(MessageId(n));
    EXPECT_EQ(one.wake(), Lane::Time()) << "now";
    ASSERT_EQ(one.next(kNow), std::nullopt);
    ASSERT_EQ(one.next_beside(kNow), MessageId(n));
    EXPECT_FALSE(one.is_idle());
    one.finished_beside(LaneOutcome::dead);
    one.add(MessageId(n), kNow, true);
    EXPECT_EQ(one.next_beside(kNow), std::nullopt) << "once";
  }
  EXPECT_EQ(one.blocked_until(), until);
  EXPECT_EQ(one.wake(), until);
  EXPECT_EQ(one.waiting(), 12U);
  ASSERT_TRUE(one.next(until));
  one.finished(LaneOutcome::dead, until, 0.5);
  EXPECT_EQ(one.blocked_until(), until + 2 * (until - kNow)) << "the second pause of the circuit";
}

TEST(LaneControl, TriesOneBesideABrokenCircuitAtATime) {
  Lane one = broken();
  one.add(MessageId(3), kLater);
  one.try_beside(MessageId(3));
  EXPECT_EQ(one.next_beside(kNow), std::nullopt) << "its time has not come";
  one.try_beside(MessageId(2));
  one.try_beside(MessageId(1));
  EXPECT_EQ(one.next_beside(kNow), MessageId(1));
  EXPECT_EQ(one.next_beside(kNow), std::nullopt);
  EXPECT_EQ(one.wake(), one.blocked_until());
  one.finished_beside(LaneOutcome::nothing);
  EXPECT_TRUE(one.is_broken()) << "nothing is known of the hop";
  EXPECT_EQ(one.next(kNow), std::nullopt);
  one.remove(std::vector<MessageId>{MessageId(2)});
  EXPECT_EQ(one.next_beside(kNow), std::nullopt);
}

TEST(LaneControl, SuccessBesideABrokenCircuitMendsIt) {
  Lane one = broken();
  one.try_beside(MessageId(1));
  one.try_beside(MessageId(2));
  ASSERT_EQ(one.next_beside(kNow), MessageId(1));
  one.finished_beside(LaneOutcome::success);
  EXPECT_FALSE(one.is_broken());
  EXPECT_EQ(one.next(kNow), MessageId(2));
  one.try_beside(MessageId(2));
  EXPECT_EQ(one.next_beside(kNow), std::nullopt);
  EXPECT_EQ(one.running(), 1U);
}

TEST(LaneControl, ForgetsWhatWaitsForNothingAnyMore) {
  Lane one = lane();
  one.remove(std::vector<MessageId>{MessageId(1), MessageId(2)});
  EXPECT_EQ(one.waiting(), 1U);
  EXPECT_EQ(one.next(kLater), MessageId(3));
  EXPECT_TRUE(one.wake() == Lane::Time::max());
}

}  // namespace
}  // namespace postern::queue
