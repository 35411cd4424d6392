// SPDX-License-Identifier: Apache-2.0
// Damage in RocksDB's log: what cannot be read is named and moved aside, all the rest is there.
#include "damaged_log.h"
#include "queue/spool/record.h"

namespace postern::spool::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(DamagedLog, AFlippedBitCostsTheLetterOfItsGroupAlone) {
  open();
  fill(30);
  spool_.reset();
  ASSERT_EQ(logs().size(), 1U);
  const std::size_t at = place_of(logs()[0], 'e', stored_[15]);
  flip(logs()[0], at + 40);
  const std::string log = logs()[0];
  open();
  expect_lost({stored_[15]});
  EXPECT_THAT(damaged_[stored_[15]], HasSubstr(log + " at octet "));
  ASSERT_EQ(troubles_.size(), 1U);
  EXPECT_THAT(troubles_[0], HasSubstr(stored_[15].str()));
  // The log's octets, and the body; the record does not decode.
  ASSERT_EQ(moved_aside().size(), 2U);
  EXPECT_EQ(contents(data() + "/damaged/" + stored_[15].str() + ".eml"), patterned(2000, 15));
  EXPECT_THAT(moved_aside()[0], HasSubstr(".log."));
  open();
  EXPECT_THAT(damaged_, IsEmpty()) << "told once";
  EXPECT_THAT(troubles_, IsEmpty());
  EXPECT_EQ(spool_->stats().ledger.damaged, 1);
  EXPECT_EQ(found_.size(), 29U);
}

TEST_F(DamagedLog, TheEnvelopeOfALetterWithAWrongBodyIsKept) {
  open();
  fill(15);
  spool_.reset();
  const std::size_t at = place_of(logs()[0], 'b', stored_[7]);
  flip(logs()[0], at + 700);
  open();
  expect_lost({stored_[7]});
  const auto record =
      decode_record(contents(data() + "/damaged/" + stored_[7].str() + ".envelope"));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->envelope.octets, 2000U);
}

TEST_F(DamagedLog, ABlockOfZerosCostsWhatItHeld) {
  open();
  fill(60);
  spool_.reset();
  // From within one group to within another some later.
  const std::size_t from = place_of(logs()[0], 'b', stored_[20]);
  overwrite(logs()[0], from + 500, std::string(9000, '\0'));
  open();
  std::vector<MessageId> lost;
  for (const MessageId id : stored_) {
    if (!found_.contains(id)) lost.push_back(id);
  }
  EXPECT_GE(lost.size(), 5U);
  EXPECT_LE(lost.size(), 34U) << "no more than two blocks";
  // Zeros name nobody; what is left of the block, and of the groups that were hit, does.
  EXPECT_LT(damaged_.size(), lost.size());
  EXPECT_TRUE(damaged_.contains(stored_[20]));
  for (const auto& [id, why] : damaged_)
    EXPECT_FALSE(found_.contains(id));
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.damaged, static_cast<std::int64_t>(lost.size()));
  EXPECT_EQ(ledger.queued, static_cast<std::int64_t>(found_.size()));
  EXPECT_TRUE(ledger.balances());
}

TEST_F(DamagedLog, AGroupAcrossManyBlocksIsFoundAndNamed) {
  options_.segment_body_octets = 1U << 20;  // all are in the log
  open();
  fill(3);
  fill(1, 200'000);
  fill(3);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'b', stored_[3]) + 100'000);
  open();
  expect_lost({stored_[3]});
}

TEST_F(DamagedLog, WhatWasDeliveredSinceIsNotLost) {
  open();
  fill(10);
  settle_all(*load(*spool_, stored_[5]));
  flush(*spool_);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'b', stored_[5]) + 50);
  open();
  EXPECT_THAT(damaged_, IsEmpty());
  EXPECT_EQ(troubles_.size(), 1U);
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.damaged, 0);
  EXPECT_EQ(ledger.queued, 9);
  EXPECT_TRUE(ledger.balances());
}

TEST_F(DamagedLog, ALetterThatWasWrittenAgainHasLostItsBodyAlone) {
  open();
  fill(10);
  (*load(*spool_, stored_[5]))->lease_pending()->reschedule(0, WallTime(), "other", {});
  flush(*spool_);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'e', stored_[5]) + 40);
  open();
  EXPECT_EQ(troubles_.size(), 1U);
  EXPECT_TRUE(found_.contains(stored_[5]));
  EXPECT_EQ(body_of(*spool_, stored_[5]).error(), make_error_code(Errc::damaged));
  EXPECT_TRUE(damaged_.contains(stored_[5]));
  const std::string aside = data() + "/damaged/" + stored_[5].str();
  EXPECT_EQ(contents(aside + ".eml"), patterned(2000, 5));
  EXPECT_TRUE(decode_record(contents(aside + ".envelope")));
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_EQ(ledger.damaged, 1);
  EXPECT_EQ(ledger.queued, 9);
  EXPECT_TRUE(ledger.balances());
}

TEST_F(DamagedLog, ALostSettlementDoesNotHideALostLetterInTheLedger) {
  open();
  fill(10);
  settle_all(*load(*spool_, stored_[5]));
  fill(10);
  spool_.reset();
  // The removal is in the group of a letter behind it, or in one of its own: its key stands last.
  std::string key =
      "\x09"
      "e";
  for (std::size_t i = 0; i < kIdOctets; ++i)
    key.push_back(static_cast<char>(stored_[5].value() >> (8 * (kIdOctets - 1 - i))));
  const std::string log = contents(logs()[0]);
  const std::size_t removal = log.rfind(key);
  ASSERT_NE(removal, log.find(key));
  flip(logs()[0], removal);
  flip(logs()[0], place_of(logs()[0], 'b', stored_[2]) + 50);
  open();
  const Ledger ledger = spool_->stats().ledger;
  EXPECT_TRUE(found_.contains(stored_[5])) << "delivered again at worst";
  EXPECT_TRUE(damaged_.contains(stored_[2]));
  EXPECT_EQ(ledger.damaged, static_cast<std::int64_t>(damaged_.size()));
  EXPECT_EQ(ledger.queued, static_cast<std::int64_t>(found_.size()));
  EXPECT_TRUE(ledger.balances());
}

TEST_F(DamagedLog, AFileOfALostLetterIsKept) {
  open();
  fill(2);
  fill(1, 400'000);
  fill(2);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'e', stored_[2]) + 40);
  open();
  expect_lost({stored_[2]});
  EXPECT_EQ(contents(data() + "/damaged/" + stored_[2].str() + ".eml"), patterned(400'000, 2));
}

TEST_F(DamagedLog, AFileOfALetterThatNothingNamesIsKept) {
  open();
  fill(20);
  fill(1, 400'000);
  fill(20);
  spool_.reset();
  overwrite(logs()[0], place_of(logs()[0], 'e', stored_[20]) - 20, std::string(60, '\0'));
  open();
  EXPECT_FALSE(found_.contains(stored_[20]));
  EXPECT_FALSE(damaged_.contains(stored_[20]));
  EXPECT_EQ(contents(data() + "/damaged/" + stored_[20].str() + ".eml"), patterned(400'000, 20));
  EXPECT_THAT(troubles_, Contains(HasSubstr("the body of " + stored_[20].str())));
}

}  // namespace
}  // namespace postern::spool::test
