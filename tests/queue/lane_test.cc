// SPDX-License-Identifier: Apache-2.0
#include "queue/lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::queue {
namespace {

using namespace std::chrono_literals;
using spool::MessageId;
using Time = Lane::Time;

constexpr Time kStart{std::chrono::microseconds(1'700'000'000'000'000)};
constexpr double kNoJitter = 0.5;

LanePolicy policy(std::size_t connections = 4) {
  LanePolicy out;
  out.connections = connections;
  out.retry = {60s, 240s, 1h, 10min};
  return out;
}

MessageId id(unsigned minute) {
  return MessageId::first_at(kStart + std::chrono::minutes(minute));
}

/// Runs one message into an outcome.
void run(Lane& lane, MessageId message, LaneOutcome outcome, Time now) {
  lane.add(message, Time());
  ASSERT_EQ(lane.next(now), message);
  lane.finished(outcome, now, kNoJitter);
}

TEST(RetryPolicy, DoublesUpToItsLongestPauseAndJittersBothWays) {
  const RetryPolicy retry = policy().retry;
  EXPECT_EQ(retry.pause(1, kNoJitter), 60s);
  EXPECT_EQ(retry.pause(2, kNoJitter), 120s);
  EXPECT_EQ(retry.pause(3, kNoJitter), 240s);
  EXPECT_EQ(retry.pause(40, kNoJitter), 240s);
  EXPECT_EQ(retry.pause(1, 0.0), 51s);
  EXPECT_LT(retry.pause(1, 0.999), 69s);
}

TEST(Lane, GivesTheOldestFirstAndNoMoreThanItsWindow) {
  Lane lane("x", policy(2));
  for (const unsigned minute : {3U, 1U, 2U})
    lane.add(id(minute), Time());
  EXPECT_EQ(lane.next(kStart), id(1));
  EXPECT_EQ(lane.next(kStart), id(2));
  EXPECT_EQ(lane.next(kStart), std::nullopt);
  EXPECT_EQ(lane.wake(), Time::max()) << "only an end makes room";
  lane.finished(LaneOutcome::success, kStart, kNoJitter);
  EXPECT_EQ(lane.next(kStart), id(3));
}

TEST(Lane, TakesAFreshMessageOnlyPastNobody) {
  Lane lane("x", policy(1));
  EXPECT_TRUE(lane.try_start(kStart));
  EXPECT_FALSE(lane.try_start(kStart));
  lane.add(id(1), Time());
  lane.finished(LaneOutcome::success, kStart, kNoJitter);
  EXPECT_FALSE(lane.try_start(kStart)) << "somebody waits already";
}

TEST(Lane, GrowsWithSuccessAndShrinksWithFailure) {
  Lane lane("x", policy(8));
  EXPECT_EQ(lane.window(), Lane::kFirstWindow);
  for (unsigned i = 1; i <= 10; ++i)
    run(lane, id(i), LaneOutcome::success, kStart);
  EXPECT_EQ(lane.window(), 8U);
  run(lane, id(11), LaneOutcome::slow, kStart);
  EXPECT_EQ(lane.window(), 4U);
}

TEST(Lane, LeavesABusyHopAloneForAMomentThatGrows) {
  Lane lane("x", policy());
  run(lane, id(1), LaneOutcome::slow, kStart);
  lane.add(id(2), Time());
  EXPECT_EQ(lane.next(kStart), std::nullopt);
  EXPECT_EQ(lane.wake(), kStart + 1s);
  ASSERT_EQ(lane.next(kStart + 1s), id(2));
  lane.finished(LaneOutcome::slow, kStart + 1s, kNoJitter);
  lane.add(id(3), Time());
  EXPECT_EQ(lane.wake(), kStart + 3s);
}

TEST(Lane, TakesWhatABusyHopSaysToSeveralAtATimeForOneWord) {
  Lane lane("x", policy(16));
  for (unsigned i = 1; i <= 12; ++i)
    run(lane, id(i), LaneOutcome::success, kStart);
  for (unsigned i = 1; i <= 10; ++i)
    lane.add(id(i), Time());
  for (unsigned i = 1; i <= 10; ++i)
    ASSERT_TRUE(lane.next(kStart));
  for (unsigned i = 1; i <= 10; ++i)
    lane.finished(LaneOutcome::slow, kStart, kNoJitter);
  EXPECT_EQ(lane.window(), 8U);
  lane.add(id(11), Time());
  EXPECT_EQ(lane.wake(), kStart + 1s);
}

TEST(Lane, ProbesADeadHopWithOneMessageInPausesThatDouble) {
  Lane lane("x", policy());
  run(lane, id(1), LaneOutcome::dead, kStart);
  run(lane, id(2), LaneOutcome::dead, kStart);  // the circuit breaks
  for (const unsigned minute : {3U, 4U, 5U})
    lane.add(id(minute), Time());
  EXPECT_TRUE(lane.is_blocked(kStart));
  EXPECT_FALSE(lane.try_start(kStart));
  EXPECT_EQ(lane.wake(), kStart + 60s);
  EXPECT_EQ(lane.next(kStart + 60s), id(3));
  EXPECT_EQ(lane.next(kStart + 60s), std::nullopt) << "one at a time";
  lane.finished(LaneOutcome::dead, kStart + 60s, kNoJitter);
  EXPECT_EQ(lane.wake(), kStart + 180s);
}

TEST(Lane, LetsEverybodyGoWhenTheProbeSucceeds) {
  Lane lane("x", policy());
  for (const unsigned minute : {1U, 2U})
    run(lane, id(minute), LaneOutcome::dead, kStart);
  lane.add(id(1), kStart + 2h, true);   // waits for the hop alone
  lane.add(id(2), kStart + 3h, false);  // has a reason of its own
  lane.add(id(3), Time());
  ASSERT_EQ(lane.next(kStart + 60s), id(3));
  lane.finished(LaneOutcome::success, kStart + 60s, kNoJitter);
  EXPECT_EQ(lane.next(kStart + 60s), id(1));
  EXPECT_EQ(lane.next(kStart + 60s), std::nullopt);
  lane.finished(LaneOutcome::success, kStart + 60s, kNoJitter);
  EXPECT_EQ(lane.wake(), kStart + 3h);
}

TEST(Lane, CountsFailuresThatWereUnderWayTogetherOnce) {
  Lane lane("x", policy());
  for (unsigned i = 1; i <= 4; ++i)
    lane.add(id(i), Time());
  for (unsigned i = 1; i <= 4; ++i)
    ASSERT_TRUE(lane.next(kStart));
  for (unsigned i = 1; i <= 4; ++i)
    lane.finished(LaneOutcome::dead, kStart, kNoJitter);
  lane.add(id(5), Time());
  EXPECT_EQ(lane.wake(), kStart + 60s) << "the first pause, not the third";
}

TEST(Lane, KeepsToItsRate) {
  LanePolicy slow = policy();
  slow.messages_per_minute = 6;
  Lane lane("x", slow);
  for (unsigned i = 1; i <= 3; ++i)
    lane.add(id(i), Time());
  EXPECT_TRUE(lane.next(kStart));
  EXPECT_FALSE(lane.next(kStart));
  EXPECT_EQ(lane.wake(), kStart + 10s);
  EXPECT_TRUE(lane.next(kStart + 10s));
}

TEST(Lane, WaitsUntilAMessageIsDue) {
  Lane lane("x", policy());
  lane.add(id(1), kStart + 5min);
  EXPECT_EQ(lane.next(kStart), std::nullopt);
  EXPECT_EQ(lane.wake(), kStart + 5min);
  EXPECT_EQ(lane.next(kStart + 5min), id(1));
}

TEST(Lane, TellsWhoHasWaitedTooLongForADeadHop) {
  Lane lane("x", policy());
  for (const unsigned minute : {0U, 30U, 80U})
    lane.add(id(minute), Time());
  const Time now = kStart + 90min;
  EXPECT_EQ(lane.take_expired(now, 10), (std::vector{id(0), id(30)}));
  EXPECT_EQ(lane.due_for_warning(now, 10), (std::vector{id(80)}));
  EXPECT_TRUE(lane.due_for_warning(now, 10).empty()) << "once";
  EXPECT_EQ(lane.waiting(), 1U);
}

TEST(Lane, SaysWhoComesBeforeItIsDueBecauseTheHopIsBack) {
  Lane lane("x", policy());
  for (unsigned i = 1; i <= Lane::kTrips; ++i) {
    lane.add(id(i), Time());
    ASSERT_EQ(lane.next(kStart), id(i));
    lane.finished(LaneOutcome::dead, kStart, kNoJitter);
  }
  lane.add(id(7), kStart + 20min, true);
  lane.add(id(8), kStart + 20min);
  lane.add(id(9), Time());
  ASSERT_EQ(lane.next(kStart + 2min), id(9));
  EXPECT_FALSE(lane.take_early(id(9))) << "it is due";
  lane.finished(LaneOutcome::success, kStart + 2min, kNoJitter);
  EXPECT_EQ(lane.next(kStart + 2min), id(7));
  EXPECT_TRUE(lane.take_early(id(7)));
  EXPECT_EQ(lane.next(kStart + 2min), std::nullopt);
  EXPECT_EQ(lane.next(kStart + 20min), id(8));
  EXPECT_FALSE(lane.take_early(id(8))) << "its time has come";
}

/// A lane whose circuit broke at kStart; message 20 waits for the hop, 21 for its own time.
Lane broken_lane() {
  Lane lane("x", policy());
  for (unsigned i = 1; i <= Lane::kTrips; ++i)
    run(lane, id(i), LaneOutcome::dead, kStart);
  lane.add(id(20), kStart + 20min, true);
  lane.add(id(21), kStart + 20min);
  return lane;
}

TEST(Lane, TriesOneMessageWhenAProbeFindsTheDeadHopAlive) {
  Lane lane = broken_lane();
  lane.add(id(22), kStart + 20min, true);
  EXPECT_EQ(lane.next(kStart + 1s), std::nullopt);
  EXPECT_TRUE(lane.hop_answers());
  EXPECT_EQ(lane.wake(), Time()) << "now";
  EXPECT_EQ(lane.next(kStart + 1s), id(20));
  EXPECT_TRUE(lane.take_early(id(20)));
  EXPECT_EQ(lane.next(kStart + 1s), std::nullopt) << "the others wait for its word";
  lane.finished(LaneOutcome::success, kStart + 2s, kNoJitter);
  EXPECT_EQ(lane.next(kStart + 2s), id(22));
  EXPECT_EQ(lane.next(kStart + 2s), std::nullopt) << "21 waits for no hop";
  EXPECT_FALSE(lane.is_broken());
}

TEST(Lane, IsBrokenOnWhenTheProbeWasWrong) {
  Lane lane = broken_lane();
  EXPECT_TRUE(lane.hop_answers());
  ASSERT_EQ(lane.next(kStart + 1s), id(20));
  lane.finished(LaneOutcome::dead, kStart + 1s, kNoJitter);
  EXPECT_TRUE(lane.is_broken());
  EXPECT_EQ(lane.blocked_until(), kStart + 1s + 120s) << "twice the first pause";
}

TEST(Lane, LetsThoseGoThatWaitForAHopThatWasDeadOnce) {
  Lane lane("x", policy());
  EXPECT_FALSE(lane.hop_answers()) << "nothing is known against it";
  run(lane, id(1), LaneOutcome::dead, kStart);
  lane.add(id(2), kStart + 20min, true);
  EXPECT_TRUE(lane.hop_answers());
  EXPECT_EQ(lane.next(kStart + 1s), id(2));
}

TEST(Lane, TriesAtOnceWhenAnOperatorSaysSo) {
  Lane lane("x", policy());
  lane.add(id(1), kStart + 5min);
  lane.add(id(2), kStart + 5min);
  EXPECT_TRUE(lane.retry_now(std::vector{id(3)}).empty());
  EXPECT_EQ(lane.retry_now(std::vector{id(2)}), (std::vector{id(2)}));
  EXPECT_EQ(lane.next(kStart), id(2));
  EXPECT_TRUE(lane.take_early(id(2)));
  EXPECT_EQ(lane.next(kStart), std::nullopt);
  EXPECT_EQ(lane.next(kStart + 5min), id(1));
  EXPECT_FALSE(lane.take_early(id(1)));
}

TEST(Lane, MessagesTakeTurnsWhileTheHopIsInTrouble) {
  for (const LaneOutcome trouble : {LaneOutcome::dead, LaneOutcome::slow}) {
    Lane lane("vk", LanePolicy());
    for (const unsigned id : {1U, 2U, 3U})
      lane.add(MessageId(id), Lane::Time());
    Time now = kStart;
    std::vector<MessageId> tried;
    for (int i = 0; i < 5; ++i) {
      const std::optional<MessageId> id = lane.next(now);
      ASSERT_TRUE(id);
      tried.push_back(*id);
      lane.finished(trouble, now, kNoJitter);
      lane.add(*id, now);  // it waits for the hop alone
      now = std::max(now, lane.blocked_until());
    }
    // The first has no way back to the front: what is behind it may be for another hop by now.
    EXPECT_THAT(tried,
                ::testing::ElementsAre(
                    MessageId(1), MessageId(2), MessageId(3), MessageId(1), MessageId(2)));
    ASSERT_EQ(lane.next(now), MessageId(3));
    lane.finished(LaneOutcome::success, now, kNoJitter);
    EXPECT_EQ(lane.next(now), MessageId(1)) << "the oldest first again";
  }
}

TEST(Lane, GivesThoseThatMayStartInPieces) {
  Lane lane("vk", LanePolicy());
  for (const unsigned id : {1U, 2U, 3U})
    lane.add(MessageId(id), Lane::Time());
  EXPECT_THAT(lane.ready_after(MessageId(), 2), ::testing::ElementsAre(MessageId(1), MessageId(2)));
  EXPECT_THAT(lane.ready_after(MessageId(2), 2), ::testing::ElementsAre(MessageId(3)));
  EXPECT_EQ(lane.waiting(), 3U) << "they stay";
}

}  // namespace
}  // namespace postern::queue
