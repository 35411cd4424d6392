// SPDX-License-Identifier: Apache-2.0
// Segments and the database's log after a crash, or on a disk that has changed octets: what one has
// lost is made good by the other, and what neither has is named.
#include "damaged_log.h"
#include "queue/spool/record.h"
#include "segment_files.h"

#include <functional>

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kLarge = 6000;

class SegmentDamage : public DamagedLog {
 protected:
  SegmentDamage() {
    options_.segment_body_octets = 5000;
    // A settlement goes with the next group.
    options_.committer.settle_delay = std::chrono::hours(1);
  }
  /// `letters` that the log keeps, then `more` that it loses with a crash: all are in one segment.
  void fill_and_lose(std::size_t letters, std::size_t more) {
    fill(letters, kLarge);
    ASSERT_EQ(logs().size(), 1U);
    const auto size = fs::file_size(logs()[0]);
    fill(more, kLarge);
    lose_behind(size);
    ASSERT_EQ(frames_.size(), letters + more);
  }
  void lose_behind(std::uint64_t octets) {
    spool_.reset();
    fs::resize_file(logs()[0], octets);
    segment_ = segments_below(data() + "/segments").back();
    frames_ = frames_in(segment_);
  }
  std::string saved(MessageId id, const std::string& ending = ".eml") const {
    return contents(data() + "/damaged/" + id.str() + ending);
  }
  std::size_t head_at(std::size_t frame) const { return frames_[frame].place.offset; }
  std::size_t body_at(std::size_t frame) const {
    return head_at(frame) + frames_[frame].head_octets();
  }
  std::size_t batch_at(std::size_t frame) const { return body_at(frame) + kLarge; }
  std::size_t end_of(std::size_t frame) const { return head_at(frame) + frames_[frame].octets(); }

  SegmentFile segment_;
  std::vector<FrameHead> frames_;
};

// ---- a crash ----

TEST_F(SegmentDamage, WhatACrashHasTakenFromTheLogIsInTheSegment) {
  open();
  fill_and_lose(3, 4);
  open();
  expect_lost({});
  EXPECT_THAT(troubles_, IsEmpty());
  EXPECT_THAT(moved_aside(), IsEmpty());
  settle_all(*load(*spool_, stored_[5]));
  fill(1, kLarge);
  open();
  EXPECT_FALSE(found_.contains(stored_[5]));
  EXPECT_THAT(found_, SizeIs(7));
  EXPECT_EQ(*body_of(*spool_, stored_[7]), patterned(kLarge, 7));
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

TEST_F(SegmentDamage, AllOfTheLogMayBeGone) {
  open();
  fill(1, 100);
  settle_all(*load(*spool_, stored_[0]));
  stored_.clear();
  octets_.clear();
  fill(5, kLarge);
  spool_.reset();
  fs::resize_file(logs()[0], 0);
  open();
  expect_lost({});
  EXPECT_EQ(spool_->stats().ledger.delivered, 1) << "the last frame has the book";
}

/// How the end of a segment may look whose last frame was being written.
struct Torn {
  std::string name;
  std::function<void(const std::string& path, std::size_t head, std::size_t body, std::size_t end)>
      tear;
};

class TornFrame : public SegmentDamage, public ::testing::WithParamInterface<Torn> {};

Torn cut_behind(const std::string& name, int from, std::size_t octets) {
  return {name, [=](const std::string& path, std::size_t head, std::size_t body, std::size_t end) {
            const std::size_t base = from == 0 ? head : from == 1 ? body : end;
            fs::resize_file(path, from == 2 ? base - octets : base + octets);
          }};
}

INSTANTIATE_TEST_SUITE_P(
    Of,
    TornFrame,
    ::testing::Values(
        cut_behind("Nothing", 0, 0),
        cut_behind("APartOfTheHead", 0, 20),
        cut_behind("TheFixedPart", 0, 32),
        cut_behind("TheHead", 1, 0),
        cut_behind("APartOfTheBody", 1, 3000),
        cut_behind("TheBody", 1, kLarge),
        cut_behind("AllButAnOctet", 2, 1),
        Torn{"Zeros",
             [](const std::string& path, std::size_t head, std::size_t, std::size_t end) {
               overwrite(path, head, std::string(end - head, '\0'));
             }},
        Torn{"ZerosForAHead",
             [](const std::string& path, std::size_t head, std::size_t body, std::size_t) {
               overwrite(path, head, std::string(body - head, '\0'));
             }},
        Torn{"ZerosInTheBody",
             [](const std::string& path, std::size_t, std::size_t body, std::size_t) {
               overwrite(path, body + 500, std::string(4096, '\0'));
             }},
        Torn{"ZerosForABatch",
             [](const std::string& path, std::size_t, std::size_t body, std::size_t end) {
               overwrite(path, body + kLarge, std::string(end - body - kLarge, '\0'));
             }},
        Torn{"AWrongBit",
             [](const std::string& path, std::size_t, std::size_t, std::size_t end) {
               flip(path, end - 1);
             }}),
    [](const auto& about) { return about.param.name; });

TEST_P(TornFrame, IsPassedOverAndLosesNothingElse) {
  open();
  fill_and_lose(1, 2);
  GetParam().tear(segment_.path, head_at(2), body_at(2), end_of(2));
  open();
  // Nothing of it was acknowledged.
  EXPECT_FALSE(found_.contains(stored_[2]));
  stored_.pop_back();
  octets_.pop_back();
  expect_lost({});
  EXPECT_THAT(troubles_, IsEmpty());
  EXPECT_THAT(moved_aside(), IsEmpty());
}

// ---- wrong octets in a segment ----

TEST_F(SegmentDamage, AHeadWithAWrongBitIsToldAndTheSegmentKept) {
  open();
  fill_and_lose(1, 4);
  flip(segment_.path, head_at(2) + 9);
  const std::string octets = contents(segment_.path);
  open();
  EXPECT_TRUE(found_.contains(stored_[0]));
  EXPECT_TRUE(found_.contains(stored_[1]));
  EXPECT_FALSE(found_.contains(stored_[2]));
  EXPECT_EQ(*body_of(*spool_, stored_[1]), patterned(kLarge, 1));
  EXPECT_THAT(
      troubles_,
      Contains(HasSubstr(segment_.path + " is damaged at octet " + std::to_string(head_at(2)))));
  EXPECT_EQ(contents(data() + "/damaged/000001.segment"), octets);
  EXPECT_TRUE(spool_->stats().ledger.balances());
  open();
  EXPECT_THAT(troubles_, IsEmpty()) << "told once";
  EXPECT_TRUE(found_.contains(stored_[1]));
}

TEST_F(SegmentDamage, ABatchWithAWrongBitCostsItsLettersAndTheirBodiesAreSaved) {
  open();
  fill_and_lose(1, 4);
  flip(segment_.path, batch_at(2) + 5);
  open();
  expect_lost({stored_[2]});
  EXPECT_THAT(troubles_, Contains(HasSubstr(segment_.path)));
  EXPECT_EQ(saved(stored_[2]), patterned(kLarge, 2));
  open();
  EXPECT_THAT(troubles_, IsEmpty()) << "told once";
  EXPECT_THAT(damaged_, IsEmpty());
  EXPECT_THAT(found_, SizeIs(4));
}

TEST_F(SegmentDamage, ABatchWithAWrongBitNamesNobodyWhoWasSettledSince) {
  open();
  fill(1, kLarge);
  const auto size = fs::file_size(logs()[0]);
  fill(2, kLarge);
  settle_all(*load(*spool_, stored_[2]));
  fill(1, kLarge);
  lose_behind(size);
  flip(segment_.path, batch_at(2) + 5);
  open();
  EXPECT_THAT(damaged_, IsEmpty());
  EXPECT_THAT(found_, SizeIs(3));
  EXPECT_FALSE(found_.contains(stored_[2]));
  EXPECT_EQ(spool_->stats().ledger.delivered, 1);
  EXPECT_EQ(spool_->stats().ledger.damaged, 0);
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

TEST_F(SegmentDamage, ABodyWithAWrongBitCostsItsLetter) {
  options_.committer.settle_delay = std::chrono::milliseconds(1);
  for (const bool is_replayed : {false, true}) {
    SCOPED_TRACE(is_replayed);
    fs::remove_all(data());
    stored_.clear();
    octets_.clear();
    open();
    fill_and_lose(is_replayed ? 1 : 4, is_replayed ? 4 : 1);
    flip(segment_.path, body_at(2) + 3000);
    open();
    ASSERT_THAT(found_, SizeIs(5));
    for (std::size_t i = 0; i < stored_.size(); ++i) {
      const auto body = body_of(*spool_, stored_[i]);
      if (i == 2) {
        EXPECT_EQ(body.error(), make_error_code(Errc::damaged));
      } else {
        EXPECT_EQ(*body, patterned(kLarge, i));
      }
    }
    ASSERT_THAT(damaged_, SizeIs(1));
    EXPECT_TRUE(damaged_.contains(stored_[2]));
    EXPECT_TRUE(decode_record(saved(stored_[2], ".envelope")));
    std::string wrong = patterned(kLarge, 2);
    wrong[3000] = static_cast<char>(wrong[3000] ^ 0x10);
    EXPECT_EQ(saved(stored_[2]), wrong) << "for a person to look at";
    flush(*spool_);
    EXPECT_EQ(load(*spool_, stored_[2]).error(), make_error_code(Errc::not_found));
    const Ledger ledger = spool_->stats().ledger;
    EXPECT_EQ(ledger.damaged, 1);
    EXPECT_EQ(ledger.queued, 4);
    EXPECT_TRUE(ledger.balances());
    spool_.reset();
  }
}

TEST_F(SegmentDamage, LettersOfASegmentThatIsMissingAreNamed) {
  open();
  fill(2, kLarge);
  fill(1, 100);
  spool_.reset();
  fs::remove(segments_below(data() + "/segments")[0].path);
  open();
  EXPECT_EQ(body_of(*spool_, stored_[0]).error(), make_error_code(Errc::damaged));
  EXPECT_EQ(body_of(*spool_, stored_[1]).error(), make_error_code(Errc::damaged));
  EXPECT_EQ(*body_of(*spool_, stored_[2]), patterned(100, 2));
  EXPECT_THAT(damaged_, SizeIs(2));
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

// ---- wrong octets in the log ----

TEST_F(SegmentDamage, ADamagedGroupOfTheLogIsTakenFromItsFrame) {
  open();
  fill(10, kLarge);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'e', stored_[5]) + 40);
  open();
  expect_lost({});
  open();
  expect_lost({});
}

TEST_F(SegmentDamage, WhatAFrameHasSettledIsNotSavedForAPerson) {
  open();
  fill(2, 2000);
  settle_all(*load(*spool_, stored_[0]));
  fill(1, kLarge);  // its group settles the first
  fill(1, 2000);
  spool_.reset();
  for (const std::size_t damaged : {0U, 2U})
    flip(logs()[0], place_of(logs()[0], 'e', stored_[damaged]) + 40);
  open();
  EXPECT_THAT(damaged_, IsEmpty());
  EXPECT_EQ(found_, (std::set<MessageId>{stored_[1], stored_[2], stored_[3]}));
  EXPECT_FALSE(fs::exists(data() + "/damaged/" + stored_[0].str() + ".eml"));
  EXPECT_EQ(spool_->stats().ledger.damaged, 0);
}

TEST_F(SegmentDamage, WhatNeitherTheLogNorItsFrameHasIsLostOnce) {
  open();
  fill(3, kLarge);
  spool_.reset();
  const std::string segment = segments_below(data() + "/segments")[0].path;
  for (const std::string& file : {logs()[0], segment})
    flip(file, place_of(file, 'e', stored_[1]) + 40);
  open();
  expect_lost({stored_[1]});
  EXPECT_EQ(saved(stored_[1]), patterned(kLarge, 1));
  open();
  EXPECT_THAT(damaged_, IsEmpty()) << "told once";
}

TEST_F(SegmentDamage, ALetterThatTheLogHasLostHasItsBodyInASealedSegment) {
  open();
  fill(10, kLarge);
  open();  // what the process before has written is sealed
  fill(1, 100);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'e', stored_[5]) + 40);
  open();
  expect_lost({stored_[5]});
  EXPECT_EQ(saved(stored_[5]), patterned(kLarge, 5));
  open();
  EXPECT_THAT(damaged_, IsEmpty()) << "told once";
  EXPECT_EQ(found_.size(), 10U);
}

/// Its record is there, from when it was tried; where its body is has been lost with the group.
TEST_F(SegmentDamage, TheBodyOfALetterThatWasWrittenAgainIsNotLost) {
  open();
  fill(10, kLarge);
  open();
  (*load(*spool_, stored_[5]))->lease_pending()->reschedule(0, WallTime(), "other", {});
  fill(1, 100);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'e', stored_[5]) + 40);
  open();
  EXPECT_TRUE(found_.contains(stored_[5]));
  const auto body = body_of(*spool_, stored_[5]);
  EXPECT_EQ(body ? *body : saved(stored_[5]), patterned(kLarge, 5));
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

// ---- the order of things ----

TEST_F(SegmentDamage, ALetterThatALaterFrameSettlesDoesNotComeBack) {
  open();
  fill(3, kLarge);
  settle_all(*load(*spool_, stored_[1]));
  fill(1, kLarge);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'e', stored_[1]) + 40);
  open();
  EXPECT_FALSE(found_.contains(stored_[1])) << "its settlement was durable";
  EXPECT_THAT(found_, SizeIs(3));
  EXPECT_EQ(spool_->stats().ledger.delivered, 1);
  EXPECT_TRUE(spool_->stats().ledger.balances());
}

/// The frame that wrote its record again is there, and so is the group that removed it.
TEST_F(SegmentDamage, ABodyWithoutALetterTakesNoSpace) {
  open();
  fill(1, kLarge);
  (*load(*spool_, stored_[0]))->lease_pending()->reschedule(0, WallTime(), "other", {});
  fill(1, kLarge);
  settle_all(*load(*spool_, stored_[0]));
  settle_all(*load(*spool_, stored_[1]));
  fill(1, 100);
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'e', stored_[0]) + 40);
  open();
  EXPECT_FALSE(found_.contains(stored_[0]));
  EXPECT_THAT(found_, SizeIs(1));
  fill(1, 100);
  spool_.reset();
  EXPECT_THAT(segments_below(data() + "/segments"), IsEmpty());
}

TEST_F(SegmentDamage, ARecordIsNotReplacedByAnOlderOne) {
  open();
  const MessageId id = store(*spool_, patterned(kLarge, 0), envelope_for(2));
  (*load(*spool_, id))->lease(std::vector<std::uint32_t>{0})->settle(0, Fate::delivered, {});
  store(*spool_, patterned(kLarge, 1));
  spool_.reset();
  flip(logs()[0], place_of(logs()[0], 'e', id) + 40);
  open();
  const auto message = load(*spool_, id);
  ASSERT_TRUE(message);
  EXPECT_EQ((*message)->recipient(0).fate, Fate::delivered);
  EXPECT_EQ((*message)->recipient(1).fate, Fate::pending);
  EXPECT_EQ(*body_of(*spool_, id), patterned(kLarge, 0));
}

}  // namespace
}  // namespace postern::spool::test
