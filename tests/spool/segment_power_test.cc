// SPDX-License-Identifier: Apache-2.0
// The power goes right after something was acknowledged: of the disk is left what was synced, and
// in other tests what happened to be written besides.
#include "fault_file_system.h"
#include "power_file_system.h"
#include "rocks_spool.h"
#include "segment_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t kLarge = 6000;

class SegmentPower : public ::testing::Test {
 protected:
  SegmentPower() {
    options_.spill_octets = 2'000'000;
    options_.segment_body_octets = 5000;
    // A settlement goes with the next group, or with a lazy write that a test waits for.
    options_.committer.settle_delay = std::chrono::hours(1);
  }
  ~SegmentPower() override {
    spool_.reset();
    left_.reset();
  }
  void open() {
    spool_.reset();
    spool_ = open_through(data(), system_, options_);
    ASSERT_NE(spool_, nullptr);
    ids_of(*spool_, Spool::Which::recovered);
  }
  std::string data() const { return dir_.path("running"); }
  std::string left_at() const { return dir_.path("left"); }
  void settle(MessageId id) { settle_all(*load(*spool_, id)); }

  /// What would be left of the disk now.
  void cut() { lay_out(system_->image()); }
  void lay_out(const PowerFileSystem::Image& image) {
    left_.reset();
    fs::remove_all(left_at());
    for (const char* const part : {"/db", "/segments", "/bodies", "/damaged"})
      fs::create_directories(left_at() + part);
    for (const auto& [path, octets] : image)
      std::ofstream(left_at() + path.substr(data().size()), std::ios::binary) << octets;
  }
  void open_left() {
    left_.reset();
    left_ = open_through(left_at(), std::make_shared<FaultFileSystem>(), options_);
    ASSERT_NE(left_, nullptr) << "does not open";
    found_ = ids_of(*left_, Spool::Which::recovered);
  }
  /// The power goes, and comes again twice.
  void expect_left(const std::vector<std::pair<MessageId, std::string>>& letters) {
    cut();
    for (int start = 0; start < 3; ++start) {
      open_left();
      if (HasFatalFailure()) return;
      std::vector<MessageId> ids;
      for (const auto& [id, text] : letters) {
        ids.push_back(id);
        const auto body = body_of(*left_, id);
        ASSERT_TRUE(body) << id.str() << ": " << body.error().message();
        EXPECT_EQ(*body, text);
        EXPECT_EQ((*load(*left_, id))->envelope().recipients.size(), 1U);
      }
      EXPECT_EQ(found_, ids);
      EXPECT_EQ(left_->stats().ledger.queued, static_cast<std::int64_t>(ids.size()));
      EXPECT_EQ(left_->stats().ledger.damaged, 0);
      EXPECT_TRUE(left_->stats().ledger.balances());
    }
  }

  TempDir dir_;
  Options options_ = options_in();
  std::shared_ptr<PowerFileSystem> system_ = std::make_shared<PowerFileSystem>();
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<Spool> left_;
  std::vector<MessageId> found_;
};

TEST_F(SegmentPower, WhatWasAcknowledgedIsThereOnce) {
  open();
  const MessageId first = store(*spool_, patterned(kLarge, 1));
  expect_left({
      {first, patterned(kLarge, 1)}
  });
  const MessageId small = store(*spool_, "small");
  const MessageId last = store(*spool_, patterned(kLarge, 2));
  expect_left({
      {first,             patterned(kLarge, 1)},
      {small,             "small"         },
      {last, patterned(kLarge,               2)  }
  });
  const MessageId behind = store(*left_, patterned(kLarge, 3));
  open_left();
  EXPECT_THAT(found_, ElementsAre(first, small, last, behind));
  EXPECT_EQ(*body_of(*left_, last), patterned(kLarge, 2));
}

TEST_F(SegmentPower, SmallLettersOfAGroupWithLargeOnesAreThere) {
  open();
  // One stands in the committer while the others gather.
  std::vector<Committed> all;
  for (std::size_t i = 0; i < 20; ++i)
    all.push_back(commit(*spool_, patterned(i % 2 == 0 ? kLarge : 100, i)));
  std::vector<std::pair<MessageId, std::string>> letters;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_FALSE(all[i].done.get());
    letters.emplace_back(all[i].message->id(), patterned(i % 2 == 0 ? kLarge : 100, i));
  }
  expect_left(letters);
}

TEST_F(SegmentPower, ADurableSettlementStays) {
  open();
  const MessageId settled = store(*spool_, patterned(kLarge, 1));
  settle(settled);
  const MessageId in_its_group = store(*spool_, patterned(kLarge, 2));
  expect_left({
      {in_its_group, patterned(kLarge, 2)}
  });
  settle(in_its_group);
  const MessageId small = store(*spool_, "in the log");
  expect_left({
      {small, "in the log"}
  });
}

TEST_F(SegmentPower, ASettlementThatWasWrittenBeforeStaysToo) {
  options_.committer.settle_delay = std::chrono::milliseconds(1);
  options_.committer.unlink_delay = std::chrono::hours(1);
  open();
  const MessageId small = store(*spool_, "small");
  const MessageId large = store(*spool_, patterned(kLarge, 1));
  const std::uint64_t lazy = spool_->stats().lazy_writes;
  settle(small);
  while (spool_->stats().lazy_writes == lazy)
    std::this_thread::yield();
  settle(large);
  while (spool_->stats().lazy_writes == lazy + 1)
    std::this_thread::yield();
  const MessageId behind = store(*spool_, patterned(kLarge, 2));
  expect_left({
      {behind, patterned(kLarge, 2)}
  });
}

TEST_F(SegmentPower, ASealedSegmentIsNotReadAgain) {
  options_.segment_octets = 10'000;
  open();
  const MessageId settled = store(*spool_, patterned(kLarge, 1));
  const MessageId kept = store(*spool_, patterned(kLarge, 2));  // now it is full
  settle(settled);
  const MessageId next = store(*spool_, patterned(kLarge, 3));
  ASSERT_EQ(segments_below(data() + "/segments").size(), 2U);
  expect_left({
      {kept, patterned(kLarge, 2)},
      {next, patterned(kLarge, 3)}
  });
}

TEST_F(SegmentPower, ALetterDoesNotComeBackWithItsSegmentsFile) {
  options_.segment_octets = 5000;  // each is full with the first letter
  open();
  const MessageId settled = store(*spool_, patterned(kLarge, 1));
  settle(settled);
  const MessageId small = store(*spool_, "small");
  const MessageId other = store(*spool_, "other");
  spool_.reset();
  const std::string name = "/segments/000001.segment";
  ASSERT_FALSE(fs::exists(data() + name));
  ASSERT_TRUE(system_->image().contains(data() + name)) << "its name's removal was not synced";
  expect_left({
      {small, "small"},
      {other, "other"}
  });
  store(*left_, "its sync lets the file go");
  left_.reset();
  EXPECT_FALSE(fs::exists(left_at() + name));
}

/// What is in a frame besides its bodies is in no other place until the log is synced.
TEST_F(SegmentPower, ASegmentIsNotRemovedBeforeTheLogHasWhatIsInIt) {
  options_.segment_octets = 5000;  // each is full with the first letter
  open();
  const MessageId settled = store(*spool_, patterned(kLarge, 1));
  const MessageId small = store(*spool_, "the log is synced with this");
  settle(settled);
  const MessageId carrier = store(*spool_, patterned(kLarge, 2));
  settle(carrier);
  const MessageId third = store(*spool_, patterned(kLarge, 3));
  while (fs::exists(data() + "/segments/000002.segment"))
    std::this_thread::yield();
  const MessageId last = store(*spool_, patterned(kLarge, 4));  // the directory is synced
  expect_left({
      {small,             "the log is synced with this"},
      { third, patterned(kLarge,                            3)},
      { last, patterned(kLarge,                            4)}
  });
}

TEST_F(SegmentPower, ASegmentIsNotRemovedBeforeItsLettersAre) {
  options_.segment_octets = 5000;  // each is full with the first letter
  options_.committer.settle_delay = std::chrono::milliseconds(1);
  options_.committer.unlink_delay = std::chrono::hours(1);
  open();
  const MessageId settled = store(*spool_, patterned(kLarge, 1));
  const std::uint64_t lazy = spool_->stats().lazy_writes;
  settle(settled);
  while (spool_->stats().lazy_writes == lazy)
    std::this_thread::yield();
  // The directory is synced for a new segment, before the settlement is durable.
  std::vector<PowerFileSystem::Image> images;
  system_->at_each_sync([&] { images.push_back(system_->image()); });
  const MessageId behind = store(*spool_, patterned(kLarge, 2));
  system_->at_each_sync({});
  std::size_t came_back = 0;
  for (const PowerFileSystem::Image& image : images) {
    lay_out(image);
    open_left();
    if (HasFatalFailure()) return;
    for (const MessageId id : found_) {
      const auto body = body_of(*left_, id);
      EXPECT_TRUE(body) << (id == settled ? "settled" : "behind");
      came_back += id == settled;
    }
  }
  EXPECT_GE(came_back, 2U);
  expect_left({
      {behind, patterned(kLarge, 2)}
  });
}

/// What the next process has found in the log is durable before it builds on it.
TEST_F(SegmentPower, TheLogOfAProcessThatEndedIsSynced) {
  open();
  const MessageId first = store(*spool_, patterned(kLarge, 1));
  open();
  const MessageId second = store(*spool_, patterned(kLarge, 2));
  expect_left({
      {first,  patterned(kLarge, 1)},
      {second, patterned(kLarge, 2)}
  });
}

/// All was delivered, the large segment was removed, and the process ended; what its frames were
/// called is still in the database.
TEST_F(SegmentPower, ASegmentThatWasRemovedLendsItsNumberToNoOther) {
  open();
  for (std::size_t i = 0; i < 9; ++i)
    settle(store(*spool_, patterned(1'000'000, i)));
  settle(store(*spool_, patterned(kLarge, 1)));
  settle(store(*spool_, "durable with all that was settled"));
  const MessageId last = store(*spool_, "the segment is sealed with this");
  spool_.reset();
  ASSERT_THAT(segments_below(data() + "/segments"), IsEmpty());
  open();
  const MessageId fresh = store(*spool_, patterned(kLarge, 2));
  cut();
  open_left();
  ASSERT_THAT(found_, ElementsAre(last, fresh));
  EXPECT_EQ(*body_of(*left_, fresh), patterned(kLarge, 2));
}

}  // namespace
}  // namespace postern::spool::test
