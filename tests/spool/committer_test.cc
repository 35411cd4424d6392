// SPDX-License-Identifier: Apache-2.0
// Groups, and what becomes of them when a write fails: a store that is told when and how.
#include "gated_spool.h"

#include <gtest/gtest.h>

namespace postern::spool::test {
namespace {

TEST_F(GatedSpool, MakesAllThatWaitDurableWithOneSync) {
  Committed first = stand();
  std::vector<Committed> waiting;
  for (int i = 0; i < 200; ++i)
    waiting.push_back(commit(*spool_, "x"));
  EXPECT_EQ(spool_->stats().waiting, 200U);
  store_->open_gate();
  EXPECT_FALSE(first.done.get());
  for (Committed& one : waiting)
    EXPECT_FALSE(one.done.get());
  EXPECT_EQ(store_->syncs(), 2U);
  EXPECT_EQ(spool_->stats().committed, 201U);
}

/// Two that came at a time, close behind another sync, and one that is still being received.
class Gathering : public GatedSpool {
 protected:
  void begin(std::size_t company, std::chrono::microseconds patience) {
    Options options = options_in();
    options.committer.company = company;
    options.committer.patience = patience;
    open(options);
    Committed first = stand();
    Committed two[] = {commit(*spool_, "x"), commit(*spool_, "x")};
    store_->open_gate();
    first.done.get();
    for (Committed& one : two)
      EXPECT_FALSE(one.done.get());
    coming_.emplace(*spool_->begin());
  }
  ~Gathering() override { coming_.reset(); }

  std::optional<Draft> coming_;
};

TEST_F(Gathering, MessagesThatComeTogetherWaitForEachOther) {
  begin(3, std::chrono::hours(1));
  const std::size_t before = store_->syncs();
  std::vector<Committed> three;
  for (int i = 0; i < 3; ++i)
    three.push_back(commit(*spool_, "x"));
  for (Committed& one : three)
    EXPECT_FALSE(one.done.get());
  EXPECT_EQ(store_->syncs(), before + 1);
}

TEST_F(Gathering, WaitsForNobodyWhereNoneIsBeingReceived) {
  begin(3, std::chrono::hours(1));
  coming_.reset();
  EXPECT_FALSE(commit(*spool_, "x").done.get());
}

TEST_F(Gathering, EndsWithTheLastThatWasBeingReceived) {
  begin(3, std::chrono::hours(1));
  const std::size_t before = store_->syncs();
  Committed first = commit(*spool_, "x");
  std::promise<std::error_code> last;
  const MessagePtr message =
      spool_->commit(*std::move(coming_), envelope_for(), [&last](std::error_code error) {
        last.set_value(error);
      });
  EXPECT_FALSE(first.done.get());
  EXPECT_FALSE(last.get_future().get());
  EXPECT_EQ(store_->syncs(), before + 1);
}

TEST_F(Gathering, OneThatStaysAloneIsWrittenAllTheSameAndTheNextAtOnce) {
  begin(3, std::chrono::microseconds(1));
  EXPECT_FALSE(commit(*spool_, "x").done.get());
  EXPECT_FALSE(commit(*spool_, "x").done.get());
}

TEST_F(Gathering, EndsWithTheSpool) {
  begin(3, std::chrono::hours(1));
  Committed alone = commit(*spool_, "x");
  spool_->close();
  EXPECT_FALSE(alone.done.get());
}

TEST_F(GatedSpool, BoundsTheOctetsOfAGroup) {
  Options options = options_in();
  options.committer.group_octets = 1000;
  open(options);
  Committed first = stand();
  std::vector<Committed> waiting;
  for (int i = 0; i < 4; ++i)
    waiting.push_back(commit(*spool_, patterned(600, 1)));
  store_->open_gate();
  for (Committed& one : waiting)
    one.done.get();
  EXPECT_EQ(store_->syncs(), 3U) << "one and two twos";
}

TEST_F(GatedSpool, NeverWritesAMessageThatWasDeliveredBeforeItsGroup) {
  Committed first = stand();
  Committed quick = commit(*spool_, "quick");
  settle_all(quick.message);
  EXPECT_FALSE(quick.done.get()) << "before the disk has moved";
  EXPECT_EQ(spool_->stats().never_written, 1U);
  EXPECT_EQ(spool_->stats().ledger.delivered, 1);
  store_->open_gate();
  first.done.get();
  EXPECT_EQ(spool_->stats().committed, 1U);
  EXPECT_EQ(ids_of(*spool_), std::vector<MessageId>{first.message->id()});
}

TEST_F(GatedSpool, DoesNotTakeBackWhatIsBeingWritten) {
  Committed first = stand();
  EXPECT_FALSE(first.message->withdraw());
  settle_all(first.message);
  EXPECT_EQ(spool_->stats().ledger, Ledger{}) << "not accepted yet";
  store_->open_gate();
  EXPECT_FALSE(first.done.get());
  EXPECT_EQ(spool_->stats().ledger.delivered, 1);
  flush(*spool_);
  EXPECT_TRUE(ids_of(*spool_).empty());
}

TEST_F(GatedSpool, WritesChangesThatNobodyWaitsForWithoutASync) {
  Committed first = commit(*spool_, "x", envelope_for(2));
  first.done.get();
  const std::size_t syncs = store_->syncs();
  {
    auto lease = first.message->lease_pending();
    lease->settle(0, Fate::delivered, {});
  }
  while (spool_->stats().lazy_writes == 0)
    std::this_thread::yield();
  EXPECT_EQ(store_->syncs(), syncs);
}

TEST_F(GatedSpool, AcknowledgesNothingAfterAFailedWrite) {
  store_->script({WriteOutcome::failed});
  Committed lost = commit(*spool_, "x");
  EXPECT_EQ(lost.done.get(), make_error_code(Errc::store_failed));
  EXPECT_EQ(spool_->begin().error(), make_error_code(Errc::store_failed));
  EXPECT_EQ(spool_->stats().health, Health::failed);
  EXPECT_EQ(spool_->stats().ledger, Ledger{});
  EXPECT_EQ(store_->writes(), 1U) << "the same write is not tried again";
}

TEST_F(GatedSpool, FailsAllWhoWaitWithTheGroupThatFailed) {
  Committed first = stand();
  auto draft = spool_->begin();  // before the failure
  Committed second = commit(*spool_, "x");
  store_->script({WriteOutcome::failed});
  store_->open_gate();
  EXPECT_EQ(first.done.get(), make_error_code(Errc::store_failed));
  EXPECT_EQ(second.done.get(), make_error_code(Errc::store_failed));
  std::error_code late;
  spool_->commit(*std::move(draft), envelope_for(), [&late](std::error_code e) { late = e; });
  EXPECT_EQ(late, make_error_code(Errc::store_failed));
}

TEST_F(GatedSpool, CountsADeliveryThatWentOnAfterTheWriteHadFailed) {
  store_->script({WriteOutcome::failed});
  Committed lost = commit(*spool_, "x");
  lost.done.get();
  settle_all(lost.message);
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.accepted, 1);
  EXPECT_EQ(ledger.delivered, 1);
}

TEST_F(GatedSpool, KnowsWhoHasGotAMessageAlsoWhenThatCouldNotBeWritten) {
  const MessageId id = store(*spool_, "x", envelope_for(2));
  const auto deliver_to = [&](std::uint32_t index) {
    const MessagePtr message = *load(*spool_, id);
    auto lease = message->lease({&index, 1});
    ASSERT_TRUE(lease);
    lease->settle(index, Fate::delivered, {});
  };
  store_->script({WriteOutcome::failed});
  deliver_to(0);
  // Lazy: nobody waits for it. The failing commit behind it is in the same group or a later one.
  Committed lost = commit(*spool_, "x");
  EXPECT_TRUE(lost.done.get());
  {
    const MessagePtr message = *load(*spool_, id);
    EXPECT_EQ(message->recipient(0).fate, Fate::delivered) << "it would be delivered again";
    EXPECT_EQ(message->recipient(1).fate, Fate::pending);
  }
  deliver_to(1);
  const auto again = load(*spool_, id);
  ASSERT_TRUE(again);
  EXPECT_TRUE((*again)->is_settled()) << "the second would get it again";
}

TEST_F(GatedSpool, TellsWhoWaitsForAChangeThatItIsNeverWritten) {
  const MessageId id = store(*spool_, "x");
  store_->script({WriteOutcome::failed});
  EXPECT_TRUE(commit(*spool_, "x").done.get());
  std::promise<std::error_code> told;
  (*load(*spool_, id))->set_held(true, [&told](std::error_code e) { told.set_value(e); });
  EXPECT_EQ(told.get_future().get(), make_error_code(Errc::store_failed));
}

TEST_F(GatedSpool, ForgetsAMessageThatWasWithdrawnAfterTheWriteHadFailed) {
  store_->script({WriteOutcome::no_room});
  Committed refused = commit(*spool_, "x");
  EXPECT_EQ(refused.done.get(), make_error_code(Errc::no_space));
  EXPECT_TRUE(refused.message->withdraw());
  settle_all(refused.message);
  EXPECT_EQ(spool_->stats().ledger, Ledger{});
}

TEST_F(GatedSpool, AsksTheFileSystemAtMostOnceAnInterval) {
  int asked = 0;
  DiskSpace space(
      [&asked] {
        ++asked;
        return std::uint64_t{5};
      },
      1,
      std::chrono::hours(1));
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(space.has_room());
  EXPECT_LE(asked, 2);
}

TEST_F(GatedSpool, GivesSpaceBackAgainForWhatWasRemovedMeanwhile) {
  Options options = options_in();
  options.committer.reclaim_delay = {};
  open(options);
  const auto store_and_settle = [this] {
    Committed one = commit(*spool_, "x");
    one.done.get();
    settle_all(one.message);
    flush(*spool_);
  };
  store_->hold_reclaims(true);
  store_and_settle();
  store_->await_reclaims(1);
  store_and_settle();
  // Two groups later the committer has asked for it, in vain so far.
  store(*spool_, "x");
  store(*spool_, "x");
  store_->hold_reclaims(false);
  store_->await_reclaims(2);
}

// ---- the ledger over restarts ----

TEST_F(GatedSpool, KeepsTheLedgerOverARestart) {
  settle_all(commit(*spool_, "x").message);
  Committed kept = commit(*spool_, "yy", envelope_for(2));
  kept.done.get();
  {
    auto lease = kept.message->lease_pending();
    lease->settle(1, Fate::failed, {});
  }
  const MessageId id = kept.message->id();
  kept.message.reset();
  spool_->close();
  const Ledger before = spool_->stats().ledger;
  open();
  EXPECT_EQ(spool_->stats().ledger, before);
  EXPECT_EQ(ids_of(*spool_, Spool::Which::recovered), std::vector<MessageId>{id});
  EXPECT_EQ(spool_->stats().ledger, before) << "the scan found what the book says";
  EXPECT_EQ(before.octets, 2);
}

TEST_F(GatedSpool, CountsWhatVanishedAsDamaged) {
  const MessageId id = store(*spool_, "x", envelope_for(3));
  const MessageId other = store(*spool_, "x");
  spool_->close();
  map_->remove(id, true);
  map_->write(true);
  open();
  EXPECT_EQ(ids_of(*spool_, Spool::Which::recovered), std::vector<MessageId>{other});
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.queued, 1);
  EXPECT_EQ(ledger.damaged, 3);
  EXPECT_EQ(ledger.messages, 1);
  EXPECT_TRUE(ledger.balances());
}

TEST_F(GatedSpool, GivesNoIdTwiceAlsoAfterARestart) {
  const MessageId id = store(*spool_, "x");
  spool_->close();
  open();
  EXPECT_GT(spool_->begin()->id(), id);
}

// ---- what cannot be read ----

TEST_F(GatedSpool, MovesARecordAsideThatDoesNotDecodeAndGoesOn) {
  const MessageId bad = store(*spool_, "bad");
  const MessageId good = store(*spool_, "good");
  spool_->close();
  map_->put(bad, "not a record");
  map_->write(true);
  std::vector<MessageId> damaged;
  Options options = options_in();
  options.on_damaged = [&damaged](MessageId id, const std::string&) { damaged.push_back(id); };
  open(options);
  EXPECT_EQ(ids_of(*spool_, Spool::Which::recovered), std::vector<MessageId>{good});
  EXPECT_EQ(damaged, std::vector<MessageId>{bad});
  EXPECT_EQ(spool_->stats().damaged_records, 1U);
  EXPECT_EQ(spool_->stats().ledger.damaged, 1);
  flush(*spool_);
  EXPECT_EQ(load(*spool_, bad).error(), make_error_code(Errc::not_found));
  EXPECT_EQ(*body_of(*spool_, good), "good");
}

TEST_F(GatedSpool, MovesAMessageAsideWhoseBodyHasAnotherSize) {
  const MessageId bad = store(*spool_, "a body", envelope_for(2));
  map_->put_body(bad, std::vector<Chunk>{std::make_shared<const std::string>("a bod")});
  map_->write(true);
  const MessagePtr message = *load(*spool_, bad);
  message->forget_body();  // the committer may not have let go of it yet
  auto lease = message->lease_pending();
  EXPECT_EQ(body_of(*spool_, message).error(), make_error_code(Errc::damaged));
  lease->settle(0, Fate::delivered, {});
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.damaged, 2);
  EXPECT_EQ(ledger.delivered, 0) << "nothing of it can have been delivered";
  EXPECT_TRUE(ledger.balances());
  EXPECT_EQ(message->lease_pending().error(), make_error_code(Errc::damaged));
  flush(*spool_);
  EXPECT_TRUE(ids_of(*spool_).empty());
}

}  // namespace
}  // namespace postern::spool::test
