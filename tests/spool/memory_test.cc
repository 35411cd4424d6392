// SPDX-License-Identifier: Apache-2.0
// What a spool says of the memory that it takes.
#include "base/process_memory.h"
#include "fault_file_system.h"
#include "rocks_spool.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define POSTERN_OTHER_ALLOCATOR 1
#endif
#endif

namespace postern::spool::test {
namespace {

constexpr std::size_t kLetters = 200;
constexpr std::size_t kBody = 20'000;

class SpoolMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    Options options = options_in(dir_.path("data"));
    options.memtable_octets = 64ULL << 20;
    open(std::move(options));
  }
  void open(Options options) {
    spool_.reset();
    auto opened = Spool::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().text;
    spool_ = *std::move(opened);
  }
  /// Stored, and kept by whoever has what this gives.
  std::vector<MessagePtr> stored_letters() {
    std::vector<Committed> fresh;
    std::vector<MessagePtr> out;
    for (std::size_t i = 0; i < kLetters; ++i)
      fresh.push_back(commit(*spool_, patterned(kBody, i), envelope_for(2)));
    for (Committed& one : fresh) {
      EXPECT_FALSE(one.done.get());
      out.push_back(one.message);
    }
    return out;
  }

  /// What comes by itself, or the test does not end.
  template <class Condition>
  static void await(const Condition& is_so) {
    while (!is_so())
      std::this_thread::yield();
  }

  TempDir dir_;
  std::unique_ptr<Spool> spool_;
};

TEST_F(SpoolMemory, WhatIsWrittenIsInTheMemtablesUntilItGoesToFiles) {
  const StoreMemory before = spool_->memory_use().store;
  EXPECT_EQ(before.memtables_limit, 128ULL << 20);
  stored_letters();
  const StoreMemory with = spool_->memory_use().store;
  EXPECT_GT(with.memtables, before.memtables + kLetters * kBody / 2) << "whole, or packed a little";
  EXPECT_LE(with.memtables, with.memtables_limit);
  EXPECT_EQ(with.tables, 0U);
  std::promise<void> reclaimed;
  // With little in its log an idle spool leaves things as they are.
  for (int more = 0; more < 2; ++more)
    stored_letters();
  spool_->reclaim([&reclaimed](std::error_code) { reclaimed.set_value(); });
  reclaimed.get_future().get();
  // RocksDB lets it go behind the flush.
  await([&] { return spool_->memory_use().store.memtables < with.memtables; });
  EXPECT_GT(spool_->memory_use().store.tables, 0U);
}

TEST_F(SpoolMemory, WhatIsReadFromFilesIsInTheCache) {
  const MessageId id = stored_letters().front()->id();
  for (int more = 0; more < 2; ++more)
    stored_letters();
  std::promise<void> reclaimed;
  spool_->reclaim([&reclaimed](std::error_code) { reclaimed.set_value(); });
  reclaimed.get_future().get();
  const StoreMemory before = spool_->memory_use().store;
  ASSERT_TRUE(load(*spool_, id));
  const StoreMemory with = spool_->memory_use().store;
  EXPECT_GT(with.cache, before.cache);
  EXPECT_LE(with.cache, with.cache_limit);
}

TEST_F(SpoolMemory, LettersInMemoryAreCountedWithTheirBodiesApart) {
  const std::uint64_t idle = spool_->memory_use().bodies;
  EXPECT_EQ(spool_->memory_use().letters, 0U);
  EXPECT_EQ(spool_->memory_use().letters_octets, 0U);
  std::vector<MessagePtr> letters = stored_letters();
  MemoryUse use = spool_->memory_use();
  EXPECT_EQ(use.letters, kLetters);
  EXPECT_EQ(use.bodies, idle + kLetters * kBody);
  EXPECT_EQ(use.letters_octets / kLetters, letters.front()->footprint());
  const std::uint64_t with_chunks = use.letters_octets;
  for (const MessagePtr& letter : letters)
    letter->forget_body();
  use = spool_->memory_use();
  EXPECT_EQ(use.bodies, idle);
  EXPECT_LT(use.letters_octets, with_chunks);
  EXPECT_GT(use.letters_octets, kLetters * sizeof(Message));
  // The committer has the last group a moment longer.
  letters.resize(kLetters / 4);
  await([&] { return spool_->memory_use().letters == kLetters / 4; });
  letters.clear();
  await([&] { return spool_->memory_use().letters == 0; });
}

TEST_F(SpoolMemory, LettersThatAreNotLookedAtCountAsTheOthersDo) {
  // More than the places that are looked at in one go.
  std::vector<MessagePtr> letters;
  for (int i = 0; i < 3; ++i) {
    const std::vector<MessagePtr> more = stored_letters();
    letters.insert(letters.end(), more.begin(), more.end());
  }
  const MemoryUse all = spool_->memory_use();
  const MemoryUse some = spool_->memory_use(10);
  EXPECT_EQ(all.letters, letters.size());
  EXPECT_EQ(some.letters, all.letters);
  EXPECT_NEAR(static_cast<double>(some.letters_octets),
              static_cast<double>(all.letters_octets),
              static_cast<double>(all.letters_octets) / 20);
}

TEST_F(SpoolMemory, ATryThatCameToNothingIsInTheFootprint) {
  const std::vector<MessagePtr> letters = stored_letters();
  const std::uint64_t before = letters.front()->footprint();
  auto lease = letters.front()->lease_pending();
  ASSERT_TRUE(lease);
  const std::string said(150, 'x');
  lease->reschedule(lease->indices().front(),
                    WallTime(),
                    "x",
                    Attempt{smtp::Reply(451, {4, 3, 0}, Text(said)), "10.0.0.7:25"});
  EXPECT_GT(letters.front()->footprint(), before + 2 * said.size()) << "the last reply, and a try";
}

TEST(ClosedStoreMemory, CanBeAskedWhileTheStoreCannotBeOpenedAgain) {
  TempDir dir;
  const auto system = std::make_shared<FaultFileSystem>();
  const auto spool = open_through(dir.path(), system, options_in());
  store(*spool, patterned(100'000, 1));
  EXPECT_GT(spool->memory_use().store.memtables, 0U);
  system->fail(FaultFileSystem::Operation::write,
               system->count(FaultFileSystem::Operation::write) + 1,
               FaultFileSystem::Error::no_space,
               1'000'000);
  // The second one finds that opening the database again fails, too.
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(commit(*spool, "x").done.get(), make_error_code(Errc::no_space));
  const StoreMemory closed = spool->memory_use().store;
  EXPECT_EQ(closed.memtables, 0U);
  EXPECT_EQ(closed.tables, 0U);
  EXPECT_GT(closed.cache_limit, 0U);
}

#ifndef POSTERN_OTHER_ALLOCATOR

/// A spool that keeps nothing, so that only messages take memory.
class NoHome final : public MessageHome {
 public:
  void changed(const MessagePtr&, bool) override {}
  void book(const Ledger&) override {}
  void remove_file(MessageId) override {}
  void hold_memory(std::int64_t octets) override { bodies += octets; }
  void forget(MessageId) override {}
  void never_written() override {}

  std::int64_t bodies = 0;
};

TEST(MessageFootprint, IsWhatTheAllocatorHasGiven) {
  constexpr std::size_t kMany = 5000;
  // Of the spool's and the engine's tables, which are not here.
  constexpr std::size_t kPlacesElsewhere = 112;
  NoHome home;
  std::vector<MessagePtr> letters;
  letters.reserve(kMany);
  const std::uint64_t before = process_memory().allocated;
  for (std::uint64_t i = 1; i <= kMany; ++i) {
    Record record;
    record.envelope = full_envelope();
    std::vector<Chunk> chunks;
    chunks.push_back(std::make_shared<const std::string>(patterned(2000, i)));
    letters.push_back(std::make_shared<Message>(
        home, MessageId(i), std::move(record), Message::Stage::stored, std::move(chunks)));
  }
  const auto given = static_cast<double>(process_memory().allocated - before);
  std::uint64_t told = static_cast<std::uint64_t>(home.bodies);
  for (const MessagePtr& letter : letters)
    told += letter->footprint() - kPlacesElsewhere;
  EXPECT_NEAR(static_cast<double>(told) / given, 1.0, 0.01);
}

#endif

}  // namespace
}  // namespace postern::spool::test
