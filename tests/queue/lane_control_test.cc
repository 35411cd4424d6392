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

TEST(LaneControl, ForgetsWhatWaitsForNothingAnyMore) {
  Lane one = lane();
  one.remove(std::vector<MessageId>{MessageId(1), MessageId(2)});
  EXPECT_EQ(one.waiting(), 1U);
  EXPECT_EQ(one.next(kLater), MessageId(3));
  EXPECT_TRUE(one.wake() == Lane::Time::max());
}

}  // namespace
}  // namespace postern::queue
