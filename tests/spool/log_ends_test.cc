// SPDX-License-Identifier: Apache-2.0
// How a log of RocksDB's ends: torn by a crash, or damaged.
#include "damaged_log.h"
#include "rocks_spool.h"

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(DamagedLog, AFileOfALetterInATornEndIsKept) {
  open();
  fill(2);
  fill(1, 400'000);
  spool_.reset();
  fs::resize_file(logs()[0], fs::file_size(logs()[0]) - 10);
  open();
  EXPECT_EQ(found_.size(), 2U);
  EXPECT_THAT(damaged_, IsEmpty());
  EXPECT_EQ(contents(data() + "/damaged/" + stored_[2].str() + ".eml"), patterned(400'000, 2));
  ASSERT_EQ(troubles_.size(), 1U);
  EXPECT_THAT(troubles_[0], HasSubstr("the body of " + stored_[2].str()));
}

TEST_F(DamagedLog, ATornEndIsWhatACrashLeaves) {
  open();
  fill(10);
  spool_.reset();
  fs::resize_file(logs()[0], fs::file_size(logs()[0]) - 10);
  open();
  EXPECT_THAT(damaged_, IsEmpty());
  EXPECT_THAT(troubles_, IsEmpty());
  EXPECT_THAT(moved_aside(), IsEmpty());
  EXPECT_EQ(found_.size(), 9U);
  // Another log is behind it now, and goes on where its last good group ends.
  stored_.pop_back();
  octets_.pop_back();
  fill(10);
  open();
  expect_lost({});
  EXPECT_EQ(logs().size(), 3U);
}

TEST_F(DamagedLog, TheEndOfALogThatWasReadBeforeIsDamagedLater) {
  open();
  fill(10);
  open();
  fill(10);
  spool_.reset();
  ASSERT_EQ(logs().size(), 2U);
  flip(logs()[0], place_of(logs()[0], 'b', stored_[9]) + 50);
  open();
  expect_lost({stored_[9]});
}

TEST_F(DamagedLog, TheOnlyGroupOfALogThatWasReadBeforeIsDamagedLater) {
  open();
  fill(1);
  open();
  fill(10);
  spool_.reset();
  ASSERT_EQ(logs().size(), 2U);
  flip(logs()[0], place_of(logs()[0], 'b', stored_[0]) + 50);
  open();
  expect_lost({stored_[0]});
}

TEST_F(DamagedLog, AWrongLengthIsSeenInTheLastBlockToo) {
  open();
  fill(10);
  spool_.reset();
  ASSERT_EQ(logs().size(), 1U);
  ASSERT_LT(fs::file_size(logs()[0]), 32768U);
  overwrite(logs()[0], 4, std::string(1, static_cast<char>(contents(logs()[0])[4] ^ 3)));
  open();
  // Nothing in the block can be told apart, but all are named and saved.
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_EQ(damaged_.size(), 10U);
  ASSERT_EQ(troubles_.size(), 1U);
  EXPECT_THAT(troubles_[0], HasSubstr(stored_[9].str()));
  EXPECT_EQ(contents(data() + "/damaged/" + stored_[0].str() + ".eml"), patterned(2000, 0));
  EXPECT_EQ(contents(data() + "/damaged/" + stored_[9].str() + ".eml"), patterned(2000, 9));
  EXPECT_EQ(spool_->stats().ledger.damaged, 10);
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

TEST_F(DamagedLog, WhatWasDeliveredWithinTheSameBlockIsNotLost) {
  open();
  fill(8);
  settle_all(*load(*spool_, stored_[5]));
  flush(*spool_);
  fill(1);
  spool_.reset();
  ASSERT_LT(fs::file_size(logs()[0]), 32768U);
  overwrite(logs()[0], 4, std::string(1, static_cast<char>(contents(logs()[0])[4] ^ 3)));
  open();
  EXPECT_EQ(damaged_.size(), 8U);
  EXPECT_FALSE(damaged_.contains(stored_[5]));
  EXPECT_TRUE(damaged_.contains(stored_[8]));
}

TEST_F(DamagedLog, AWrongLengthIsSeenAfterTheDatabaseHasSkippedItToo) {
  open();
  fill(5);
  spool_.reset();
  const std::size_t header = place_of(logs()[0], 'e', stored_[2]) - 21;
  ASSERT_LT(fs::file_size(logs()[0]), 32768U);
  const std::size_t length = header + 4;
  overwrite(logs()[0], length, std::string(1, static_cast<char>(contents(logs()[0])[length] ^ 3)));
  // Without mending: the next log goes on behind the last good group of this one.
  spool_ = open_through(data(), nullptr, options_);
  ASSERT_TRUE(spool_);
  fill(5);
  open();
  EXPECT_EQ(found_.size(), 7U);
  EXPECT_EQ(damaged_.size(), 3U);
  for (const std::size_t lost : {2U, 3U, 4U})
    EXPECT_TRUE(damaged_.contains(stored_[lost])) << lost;
}

}  // namespace
}  // namespace postern::spool::test
