// SPDX-License-Identifier: Apache-2.0
// A spool with segments on a disk that works, is full, or gives space back.
#include "fault_file_system.h"
#include "rocks_spool.h"
#include "segment_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <rocksdb/db.h>
#include <thread>

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using Operation = FaultFileSystem::Operation;
using Error = FaultFileSystem::Error;

constexpr std::size_t kSmall = 100;
constexpr std::size_t kLarge = 6000;

class SegmentStore : public ::testing::Test {
 protected:
  SegmentStore() {
    options_.spill_octets = 100'000;
    options_.segment_body_octets = 5000;
    options_.slack_octets = 0;
  }
  void open() {
    spool_.reset();
    system_ = std::make_shared<FaultFileSystem>();
    spool_ = open_through(dir_.path(), system_, options_);
    ASSERT_NE(spool_, nullptr);
    recovered_ = ids_of(*spool_, Spool::Which::recovered);
  }
  std::uint64_t syncs() const { return system_->count(Operation::sync); }
  /// How many syncs a letter costs that comes alone.
  std::uint64_t cost(std::size_t octets) {
    const std::uint64_t before = syncs();
    EXPECT_NE(store(*spool_, patterned(octets, 1)), MessageId());
    return syncs() - before;
  }
  /// All at once: they come into few groups.
  std::vector<MessageId> store_together(std::size_t count, std::size_t octets) {
    std::vector<Committed> all;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(commit(*spool_, patterned(octets, i)));
    std::vector<MessageId> ids;
    for (Committed& one : all) {
      EXPECT_FALSE(one.done.get());
      ids.push_back(one.message->id());
    }
    return ids;
  }
  void reclaim() {
    std::promise<void> done;
    spool_->reclaim([&done](std::error_code) { done.set_value(); });
    done.get_future().get();
  }
  void settle(MessageId id) { settle_all(*load(*spool_, id)); }
  std::vector<SegmentFile> segments() const { return segments_below(dir_.path("segments")); }
  std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> out;
    for (const SegmentFile& file : segments())
      out.push_back(file.number);
    return out;
  }
  /// Whether any frame is about it.
  bool is_framed(MessageId id) const {
    for (const SegmentFile& file : segments()) {
      for (const FrameHead& head : frames_in(file)) {
        const auto& bodies = head.bodies;
        if (std::any_of(bodies.begin(), bodies.end(), [id](const FrameBody& body) {
              return body.id == id;
            })) {
          return true;
        }
      }
    }
    return false;
  }

  TempDir dir_;
  Options options_ = options_in();
  std::shared_ptr<FaultFileSystem> system_;
  std::unique_ptr<Spool> spool_;
  std::vector<MessageId> recovered_;
};

// ---- which bodies, and what they cost ----

TEST_F(SegmentStore, HasBodiesBetweenTheTwoLimits) {
  open();
  const MessageId small = store(*spool_, patterned(4999, 1));
  const MessageId least = store(*spool_, patterned(5000, 2));
  const MessageId most = store(*spool_, patterned(100'000, 3));
  const MessageId file = store(*spool_, patterned(100'001, 4));
  EXPECT_FALSE(is_framed(small));
  EXPECT_TRUE(is_framed(least));
  EXPECT_TRUE(is_framed(most));
  EXPECT_FALSE(is_framed(file));
  open();
  EXPECT_THAT(recovered_, ElementsAre(small, least, most, file));
  EXPECT_EQ(*body_of(*spool_, small), patterned(4999, 1));
  EXPECT_EQ(*body_of(*spool_, least), patterned(5000, 2));
  EXPECT_EQ(*body_of(*spool_, most), patterned(100'000, 3));
  EXPECT_EQ(*body_of(*spool_, file), patterned(100'001, 4));
}

TEST_F(SegmentStore, WhatPacksWellStaysInTheDatabase) {
  open();
  const std::string header = patterned(1000, 1);
  const std::string log = header + std::string(40'000, 'x');
  const std::uint64_t before = spool_->stats().octets_written;
  const MessageId packed = store(*spool_, log);
  EXPECT_FALSE(is_framed(packed));
  EXPECT_LT(spool_->stats().octets_written - before, 3000U);
  // What its middle is counts, not how it begins.
  const std::string scan = std::string(1000, 'x') + patterned(40'000, 2);
  EXPECT_TRUE(is_framed(store(*spool_, scan)));
  open();
  EXPECT_EQ(*body_of(*spool_, packed), log);
}

TEST_F(SegmentStore, ALetterThatComesAloneCostsOneSync) {
  open();
  cost(kLarge);  // the segment is made
  cost(kSmall);  // the log is made known
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(cost(kLarge), 1U);
  EXPECT_EQ(cost(kSmall), 1U);
  EXPECT_EQ(cost(kLarge), 1U) << "the log was synced for the small one";
}

TEST_F(SegmentStore, AGroupCostsOneSync) {
  open();
  cost(kLarge);
  cost(kSmall);
  const std::uint64_t groups = spool_->stats().groups;
  const std::uint64_t before = syncs();
  store_together(50, kLarge);
  EXPECT_EQ(syncs() - before, spool_->stats().groups - groups);
}

/// What is durable is so with all that was written before it.
TEST_F(SegmentStore, TheLogIsSyncedAsWellWhereItHasGroupsThatWereNot) {
  open();
  const MessageId settled = store(*spool_, patterned(kSmall, 1));
  cost(kLarge);
  const std::uint64_t lazy = spool_->stats().lazy_writes;
  settle(settled);
  while (spool_->stats().lazy_writes == lazy)
    std::this_thread::yield();
  EXPECT_EQ(cost(kLarge), 2U);
  EXPECT_EQ(cost(kLarge), 1U);
}

// ---- a disk that is full ----

TEST_F(SegmentStore, WhatTheDatabaseHasNoRoomForIsInNoSegment) {
  options_.segment_octets = 20'000;
  open();
  std::vector<MessageId> stored = {store(*spool_, patterned(kLarge, 0))};
  std::vector<MessageId> refused;
  for (std::size_t round = 1; round <= 5; ++round) {
    system_->fail_write_of(".log", Error::no_space);
    Committed fresh = commit(*spool_, patterned(kLarge, 100 + round));
    EXPECT_EQ(fresh.done.get(), make_error_code(Errc::no_space)) << round;
    EXPECT_EQ(spool_->stats().health, Health::full);
    EXPECT_FALSE(is_framed(fresh.message->id()));
    refused.push_back(fresh.message->id());
    EXPECT_TRUE(fresh.message->withdraw());
    stored.push_back(store(*spool_, patterned(kLarge, round)));
    ASSERT_NE(stored.back(), MessageId()) << "without a restart";
    EXPECT_EQ(spool_->stats().health, Health::good);
  }
  for (int start = 0; start < 2; ++start) {
    open();
    EXPECT_THAT(recovered_, ElementsAreArray(stored));
    for (std::size_t i = 0; i < stored.size(); ++i)
      EXPECT_EQ(*body_of(*spool_, stored[i]), patterned(kLarge, i));
    EXPECT_TRUE(spool_->stats().ledger.balances());
    EXPECT_EQ(spool_->stats().ledger.queued, 6);
  }
}

TEST_F(SegmentStore, AFrameThereIsNoRoomForIsAsIfItHadNotBeen) {
  open();
  std::vector<MessageId> stored = {store(*spool_, patterned(kLarge, 0))};
  // The head, the body, the batch; and the log.
  for (std::size_t nth = 1; nth <= 4; ++nth) {
    system_->fail(Operation::write, system_->count(Operation::write) + nth, Error::no_space);
    Committed fresh = commit(*spool_, patterned(kLarge, 100 + nth));
    EXPECT_EQ(fresh.done.get(), make_error_code(Errc::no_space)) << nth;
    EXPECT_FALSE(is_framed(fresh.message->id())) << nth;
    EXPECT_TRUE(fresh.message->withdraw());
    stored.push_back(store(*spool_, patterned(kLarge, nth)));
    ASSERT_NE(stored.back(), MessageId()) << nth;
  }
  open();
  EXPECT_THAT(recovered_, ElementsAreArray(stored));
  for (std::size_t i = 0; i < stored.size(); ++i)
    EXPECT_EQ(*body_of(*spool_, stored[i]), patterned(kLarge, i));
}

TEST_F(SegmentStore, ALetterThatFoundNoRoomIsCommittedAgain) {
  open();
  system_->fail_write_of(".log", Error::no_space);
  Committed fresh = commit(*spool_, patterned(kLarge, 7));
  EXPECT_EQ(fresh.done.get(), make_error_code(Errc::no_space));
  std::promise<std::error_code> told;
  ASSERT_TRUE(
      spool_->commit_again(fresh.message, [&told](std::error_code e) { told.set_value(e); }));
  EXPECT_FALSE(told.get_future().get());
  const MessageId id = fresh.message->id();
  fresh.message.reset();
  open();
  EXPECT_THAT(recovered_, ElementsAre(id));
  EXPECT_EQ(*body_of(*spool_, id), patterned(kLarge, 7));
}

TEST_F(SegmentStore, AFrameThatCannotBeTakenBackEndsIt) {
  open();
  const MessageId stored = store(*spool_, patterned(kLarge, 0));
  // The log's write fails, and then the sync of the shorter segment.
  system_->fail(Operation::sync, syncs() + 2, Error::no_space);
  system_->fail_write_of(".log", Error::no_space);
  Committed fresh = commit(*spool_, patterned(kLarge, 1));
  EXPECT_EQ(fresh.done.get(), make_error_code(Errc::store_failed));
  EXPECT_EQ(spool_->stats().health, Health::failed);
  EXPECT_EQ(commit(*spool_, "x").done.get(), make_error_code(Errc::store_failed));
  EXPECT_EQ(*body_of(*spool_, stored), patterned(kLarge, 0));
}

// ---- what is removed ----

TEST_F(SegmentStore, ASegmentGoesWhenAllItsLettersAreGone) {
  options_.segment_octets = 20'000;
  open();
  std::vector<MessageId> ids;
  for (std::size_t i = 0; i < 12; ++i)
    ids.push_back(store(*spool_, patterned(kLarge, i)));
  ASSERT_GE(numbers().size(), 3U);
  const MessageId kept = ids[5];
  std::uint64_t segment = 0;
  for (const SegmentFile& file : segments()) {
    for (const FrameHead& head : frames_in(file)) {
      if (head.bodies[0].id == kept) segment = file.number;
    }
  }
  for (const MessageId id : ids) {
    if (id != kept) settle(id);
  }
  flush(*spool_);
  open();
  EXPECT_THAT(recovered_, ElementsAre(kept));
  EXPECT_EQ(*body_of(*spool_, kept), patterned(kLarge, 5));
  store(*spool_, "its sync lets them go");
  spool_.reset();
  EXPECT_THAT(numbers(), ElementsAre(segment));
  open();
  settle(kept);
  flush(*spool_);
  spool_.reset();
  EXPECT_THAT(numbers(), IsEmpty());
}

/// The keys that `space` has in the database, which is closed.
std::size_t keys_in(const std::string& database, char space) {
  rocksdb::DB* opened = nullptr;
  if (!rocksdb::DB::OpenForReadOnly(rocksdb::Options(), database, &opened).ok()) return ~0U;
  const std::unique_ptr<rocksdb::DB> db(opened);
  const std::unique_ptr<rocksdb::Iterator> at(db->NewIterator(rocksdb::ReadOptions()));
  std::size_t count = 0;
  for (at->Seek(std::string(1, space)); at->Valid() && at->key()[0] == space; at->Next())
    ++count;
  return count;
}

TEST_F(SegmentStore, TheFramesOfSealedSegmentsAreForgotten) {
  options_.segment_octets = 20'000;
  open();
  for (std::size_t i = 0; i < 9; ++i)
    store(*spool_, patterned(kLarge, i));
  ASSERT_EQ(numbers().size(), 3U);
  spool_.reset();
  EXPECT_EQ(keys_in(dir_.path("db"), 'F'), frames_in(segments().back()).size());
  EXPECT_EQ(keys_in(dir_.path("db"), 'G'), 1U);
  EXPECT_EQ(keys_in(dir_.path("db"), 'S'), 9U);
  open();
  for (const MessageId id : recovered_)
    settle(id);
  flush(*spool_);
  spool_.reset();
  EXPECT_EQ(keys_in(dir_.path("db"), 'F'), 0U);
  EXPECT_EQ(keys_in(dir_.path("db"), 'S'), 0U);
}

/// Nobody comes any more who would sync: the spool does it, to be rid of the files.
TEST_F(SegmentStore, AnIdleSpoolGivesASegmentBack) {
  options_.segment_octets = 5000;  // each is full with the first letter
  open();
  const MessageId id = store(*spool_, patterned(kLarge, 1));
  ASSERT_THAT(numbers(), ElementsAre(1));
  settle(id);
  while (!numbers().empty())
    std::this_thread::yield();
  EXPECT_EQ(load(*spool_, id).error(), make_error_code(Errc::not_found));
}

TEST_F(SegmentStore, SpaceOfManyIsGivenBackThoughOneIsLeft) {
  options_.segment_octets = 400'000;
  open();
  const std::vector<MessageId> ids = store_together(12, 40'000);
  const std::string path = segments()[0].path;
  const std::uint64_t before = octets_on_disk(path);
  ASSERT_GE(before, 400'000U);
  const auto settle_some = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (i != 3) settle(ids[i]);
    }
    flush(*spool_);
  };
  settle_some(0, 8);
  reclaim();
  const std::uint64_t half = octets_on_disk(path);
  EXPECT_LT(half, before - 7 * 32'000);
  EXPECT_EQ(*body_of(*spool_, ids[3]), patterned(40'000, 3));
  // What a process leaves to be given back the next one does.
  settle_some(8, 12);
  open();
  EXPECT_THAT(recovered_, ElementsAre(ids[3]));
  reclaim();
  EXPECT_LT(octets_on_disk(path), half - 2 * 32'000);
  EXPECT_EQ(*body_of(*spool_, ids[3]), patterned(40'000, 3));
}

TEST_F(SegmentStore, ALetterIsReadWhileOthersGo) {
  options_.segment_octets = 50'000;
  open();
  const MessageId kept = store(*spool_, patterned(kLarge, 0));
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      const auto body = body_of(*spool_, kept);
      ASSERT_TRUE(body);
      ASSERT_EQ(*body, patterned(kLarge, 0));
    }
  });
  for (std::size_t round = 0; round < 10; ++round) {
    for (const MessageId id : store_together(10, kLarge))
      settle(id);
    reclaim();
  }
  stop = true;
  reader.join();
  EXPECT_EQ(spool_->stats().damaged_records, 0U);
}

}  // namespace
}  // namespace postern::spool::test
