// SPDX-License-Identifier: Apache-2.0
// Damage in RocksDB's log: what cannot be read is named and moved aside, all the rest is there.
#include "queue/spool/log_format.h"
#include "queue/spool/record.h"
#include "rocks_spool.h"
#include "support.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t kIdOctets = 8;

class DamagedLog : public ::testing::Test {
 protected:
  DamagedLog() {
    options_.spill_octets = 300'000;
    options_.on_damaged = [this](MessageId id, const std::string& why) { damaged_[id] = why; };
    options_.on_trouble = [this](const std::string& line) { troubles_.push_back(line); };
  }
  void open() {
    spool_.reset();
    damaged_.clear();
    troubles_.clear();
    options_.data_dir = data();
    auto opened = Spool::open(options_);
    ASSERT_TRUE(opened) << opened.error().text;
    spool_ = *std::move(opened);
    found_.clear();
    spool_->scan(Spool::Which::recovered,
                 [this](MessageId id, const Envelope&) { found_.insert(id); });
  }
  void fill(std::size_t letters, std::size_t octets = 2000) {
    for (std::size_t i = 0; i < letters; ++i) {
      const std::uint64_t seed = stored_.size();
      stored_.push_back(store(*spool_, patterned(octets, seed)));
      octets_.push_back(octets);
    }
  }
  std::string data() const { return dir_.path("data"); }
  std::vector<std::string> logs() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(data() + "/db")) {
      if (entry.path().extension() == ".log") out.push_back(entry.path().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  std::vector<std::string> moved_aside() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(data() + "/damaged"))
      out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  }
  /// Every letter but these is there, with its octets; these were named, and count.
  void expect_lost(const std::vector<MessageId>& lost) {
    const std::set<MessageId> named(lost.begin(), lost.end());
    EXPECT_EQ(damaged_.size(), named.size());
    for (std::size_t i = 0; i < stored_.size(); ++i) {
      EXPECT_EQ(found_.contains(stored_[i]), !named.contains(stored_[i])) << i;
      EXPECT_EQ(damaged_.contains(stored_[i]), named.contains(stored_[i])) << i;
      if (!found_.contains(stored_[i])) continue;
      const auto body = body_of(*spool_, stored_[i]);
      ASSERT_TRUE(body) << i;
      EXPECT_EQ(*body, patterned(octets_[i], i));
    }
    const Stats stats = spool_->stats();
    EXPECT_EQ(stats.damaged_records, lost.size());
    EXPECT_EQ(stats.ledger.damaged, static_cast<std::int64_t>(lost.size()));
    EXPECT_EQ(stats.ledger.queued, static_cast<std::int64_t>(found_.size()));
    EXPECT_TRUE(stats.ledger.balances());
  }

  TempDir dir_;
  Options options_ = options_in();
  std::unique_ptr<Spool> spool_;
  std::vector<MessageId> stored_;
  std::vector<std::size_t> octets_;
  std::set<MessageId> found_;
  std::map<MessageId, std::string> damaged_;
  std::vector<std::string> troubles_;
};

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void overwrite(const std::string& path, std::size_t offset, std::string_view octets) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(octets.data(), static_cast<std::streamsize>(octets.size()));
}

void flip(const std::string& path, std::size_t offset) {
  const std::string all = contents(path);
  overwrite(path, offset, std::string(1, static_cast<char>(all[offset] ^ 0x10)));
}

/// Where a key of that letter stands first in a log. (A key may cross the edge of a block; then
/// the test's letters have another size.)
std::size_t place_of(const std::string& path, char space, MessageId id) {
  std::string key(1, space);
  for (std::size_t i = 0; i < kIdOctets; ++i) {
    key.push_back(static_cast<char>(id.value() >> (8 * (kIdOctets - 1 - i))));
  }
  const std::size_t at = contents(path).find(key);
  EXPECT_NE(at, std::string::npos);
  return at;
}

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
  // Nothing in the block can be told apart, but all are named.
  EXPECT_THAT(found_, IsEmpty());
  EXPECT_EQ(damaged_.size(), 10U);
  ASSERT_EQ(troubles_.size(), 1U);
  EXPECT_THAT(troubles_[0], HasSubstr(stored_[9].str()));
  EXPECT_EQ(moved_aside().size(), 1U);
  EXPECT_EQ(spool_->stats().ledger.damaged, 10);
  EXPECT_TRUE(spool_->stats().ledger.balances());
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

TEST_F(DamagedLog, WhatCannotBeMendedIsNotOpened) {
  open();
  fill(10);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'b', stored_[5]) + 50);
  const std::string in_the_way = logs()[0] + ".mended";
  fs::create_directory(in_the_way);
  const auto opened = Spool::open(options_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().text, HasSubstr("cannot be mended"));
  fs::remove(in_the_way);
  open();
  expect_lost({stored_[5]});
}

TEST_F(DamagedLog, OfTwoLogsNoneIsReplacedBeforeBothCanBe) {
  open();
  fill(10);
  open();
  fill(10);
  spool_.reset();
  ASSERT_EQ(logs().size(), 2U);
  flip(logs()[0], place_of(logs()[0], 'b', stored_[5]) + 50);
  flip(logs()[1], place_of(logs()[1], 'b', stored_[15]) + 50);
  const std::string in_the_way = logs()[1] + ".mended";
  fs::create_directory(in_the_way);
  const std::string first = contents(logs()[0]);
  EXPECT_FALSE(Spool::open(options_));
  EXPECT_EQ(contents(logs()[0]), first);
  fs::remove(in_the_way);
  open();
  expect_lost({stored_[5], stored_[15]});
}

TEST_F(DamagedLog, AMendingThatWasNotToldIsDoneAgain) {
  open();
  fill(10);
  fill(1, 400'000);
  fill(5);
  open();
  fill(10);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'b', stored_[5]) + 50);
  flip(logs()[0], place_of(logs()[0], 'e', stored_[10]) + 40);
  flip(logs()[1], place_of(logs()[1], 'b', stored_[20]) + 50);
  // The logs are replaced, and then the database does not open.
  const std::string current = data() + "/db/CURRENT";
  const std::string right = contents(current);
  std::ofstream(current) << "nonsense";
  EXPECT_FALSE(Spool::open(options_));
  EXPECT_TRUE(fs::exists(logs()[0] + ".unmended"));
  std::ofstream(current) << right;
  open();
  expect_lost({stored_[5], stored_[10], stored_[20]});
  EXPECT_EQ(troubles_.size(), 3U);
  EXPECT_EQ(contents(data() + "/damaged/" + stored_[10].str() + ".eml"), patterned(400'000, 10));
  EXPECT_FALSE(fs::exists(logs()[0] + ".unmended"));
  open();
  EXPECT_THAT(damaged_, IsEmpty()) << "told once";
}

}  // namespace
}  // namespace postern::spool::test
