// SPDX-License-Identifier: Apache-2.0
// Segments on a real directory: what is written, read, taken back and removed.
#include "queue/spool/segments.h"

#include "fault_file_system.h"
#include "queue/spool/errors.h"
#include "segment_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Operation = FaultFileSystem::Operation;

constexpr std::uint64_t kFull = 100'000;

class SegmentsOnDisk : public ::testing::Test {
 protected:
  SegmentsOnDisk() { start(); }
  /// As a process would that has found `last` in the database and these places.
  void start(std::uint64_t last = 0, const std::map<std::uint64_t, SegmentPlace>& places = {}) {
    segments_.reset();
    segments_ = std::make_unique<Segments>(Segments::Options{dir_.path(), kFull, system_});
    for (const auto& [id, place] : places)
      segments_->place(MessageId(id), place);
    segments_->opened(segments_below(dir_.path()), last);
  }
  rocksdb::IOStatus append(const std::vector<std::uint64_t>& ids,
                           std::size_t octets = 6000,
                           std::string_view batch = "batch") {
    for (const std::uint64_t id : ids)
      segments_->stage(MessageId(id), chunks_of(patterned(octets, id)));
    rocksdb::IOStatus status = segments_->begin_frame();
    if (status.ok()) status = segments_->append(batch);
    return status;
  }
  /// A frame whose batch the database takes.
  void write(const std::vector<std::uint64_t>& ids, std::size_t octets = 6000) {
    const rocksdb::IOStatus status = append(ids, octets);
    ASSERT_TRUE(status.ok()) << status.ToString();
    for (std::size_t i = 0; i < ids.size(); ++i)
      places_[ids[i]] = segments_->places()[i];
    segments_->keep();
  }
  void remove(const std::vector<std::uint64_t>& ids) {
    for (const std::uint64_t id : ids)
      segments_->remove(MessageId(id));
    segments_->removals_are_durable();
  }
  Result<std::string> read(std::uint64_t id) const { return segments_->read(MessageId(id)); }
  std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> out;
    for (const SegmentFile& file : segments_below(dir_.path()))
      out.push_back(file.number);
    return out;
  }
  std::string path(std::uint64_t number) const { return segment_path(dir_.path(), number); }

  TempDir dir_;
  std::shared_ptr<FaultFileSystem> system_ = std::make_shared<FaultFileSystem>();
  std::unique_ptr<Segments> segments_;
  std::map<std::uint64_t, SegmentPlace> places_;
};

// ---- writing and reading ----

TEST_F(SegmentsOnDisk, GivesBackEachBodyOfAFrame) {
  write({1, 2, 3}, 7000);
  write({4}, 40'000);
  for (const std::uint64_t id : {1U, 2U, 3U, 4U}) {
    const auto body = read(id);
    ASSERT_TRUE(body) << id;
    EXPECT_EQ(*body, patterned(id == 4 ? 40'000 : 7000, id));
    EXPECT_TRUE(segments_->holds(MessageId(id)));
  }
  EXPECT_EQ(read(5).error(), make_error_code(Errc::not_found));
  EXPECT_FALSE(segments_->holds(MessageId(5)));
  EXPECT_EQ(segments_->octets_written(), fs::file_size(path(1)));
  start(0, places_);
  EXPECT_EQ(*read(2), patterned(7000, 2)) << "by what the database knows";
}

TEST_F(SegmentsOnDisk, AFrameTellsAllOfItself) {
  write({1, 2});
  write({3});
  const std::vector<FrameHead> frames = frames_in(segments_below(dir_.path())[0]);
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].place, (FramePlace{1, 0}));
  EXPECT_EQ(frames[1].place, (FramePlace{1, static_cast<std::uint32_t>(frames[0].octets())}));
  ASSERT_EQ(frames[0].bodies.size(), 2U);
  EXPECT_EQ(frames[0].bodies[1].id, MessageId(2));
  const auto reader = reader_of(segments_below(dir_.path())[0]);
  const auto head = reader->next();
  ASSERT_TRUE(head);
  EXPECT_TRUE(reader->is_whole(*head));
  EXPECT_EQ(*reader->batch(*head), "batch");
  EXPECT_EQ(*reader->body(*head, 0), patterned(6000, 1));
  EXPECT_EQ(*reader->body(*head, 1), patterned(6000, 2));
  EXPECT_TRUE(reader->next());
  EXPECT_FALSE(reader->next());
  EXPECT_FALSE(reader->has_frame_behind());
}

/// A letter may hold what looks like a frame.
TEST_F(SegmentsOnDisk, AFrameIsNoneInAnotherPlace) {
  write({1});
  write({2});
  const auto all = static_cast<std::streamsize>(fs::file_size(path(1)));
  std::string octets(static_cast<std::size_t>(all), '\0');
  std::ifstream(path(1), std::ios::binary).read(octets.data(), all);
  std::ofstream(path(2), std::ios::binary) << octets;
  std::ofstream(path(1), std::ios::binary | std::ios::app) << octets;
  const std::vector<SegmentFile> files = segments_below(dir_.path());
  ASSERT_EQ(files.size(), 2U);
  EXPECT_THAT(frames_in(files[1]), IsEmpty());
  EXPECT_EQ(frames_in(files[0]).size(), 2U);
  const auto reader = reader_of(files[0]);
  while (reader->next()) {
  }
  EXPECT_FALSE(reader->has_frame_behind());
}

TEST_F(SegmentsOnDisk, AFrameIsSeenBehindOctetsThatAreNone) {
  write({1});
  write({2});
  write({3});
  const SegmentFile file = segments_below(dir_.path())[0];
  const std::vector<FrameHead> frames = frames_in(file);
  {
    std::fstream out(path(1), std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(frames[1].place.offset);
    out << "none";
  }
  const auto reader = reader_of(file);
  EXPECT_TRUE(reader->next());
  EXPECT_FALSE(reader->next());
  EXPECT_TRUE(reader->has_frame_behind());
}

TEST_F(SegmentsOnDisk, AFrameCostsOneSyncAndANewSegmentOneMore) {
  write({1});
  EXPECT_EQ(system_->count(Operation::sync), 2U) << "the directory's too";
  write({2, 3, 4});
  write({5});
  EXPECT_EQ(system_->count(Operation::sync), 4U);
}

TEST_F(SegmentsOnDisk, TellsWhichBodiesAreInAGap) {
  write({1, 2, 5, 9});
  EXPECT_THAT(segments_->between(MessageId(1), MessageId(9)),
              UnorderedElementsAre(MessageId(2), MessageId(5)));
  EXPECT_THAT(segments_->between(MessageId(2), MessageId()),
              UnorderedElementsAre(MessageId(5), MessageId(9)));
}

TEST_F(SegmentsOnDisk, AWrongBitCostsItsBodyAlone) {
  write({1, 2, 3});
  const std::uint32_t at = places_.at(2).offset + 100;
  {
    std::fstream file(path(1), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.put(static_cast<char>(patterned(6000, 2)[100] ^ 1));
  }
  EXPECT_EQ(read(2).error(), make_error_code(Errc::damaged));
  EXPECT_EQ(*read(1), patterned(6000, 1));
  EXPECT_EQ(*read(3), patterned(6000, 3));
}

TEST_F(SegmentsOnDisk, ABodyWhoseSegmentIsMissingOrShortIsDamaged) {
  write({1, 2});
  fs::resize_file(path(1), places_.at(2).offset + 10);
  EXPECT_EQ(*read(1), patterned(6000, 1));
  EXPECT_EQ(read(2).error(), make_error_code(Errc::damaged));
  fs::remove(path(1));
  EXPECT_EQ(read(1).error(), make_error_code(Errc::damaged));
}

// ---- a frame that does not come to be ----

TEST_F(SegmentsOnDisk, AFrameThatIsTakenBackIsInNoFile) {
  write({1});
  const auto before = fs::file_size(path(1));
  ASSERT_TRUE(append({2}).ok());
  EXPECT_GT(fs::file_size(path(1)), before);
  EXPECT_TRUE(segments_->take_back().ok());
  segments_->drop_staged();
  EXPECT_EQ(fs::file_size(path(1)), before);
  EXPECT_FALSE(segments_->holds(MessageId(2)));
  // The next one is in another segment: what was cut off is never written over.
  write({3});
  EXPECT_EQ(places_.at(3).segment, 2U);
  EXPECT_EQ(*read(1), patterned(6000, 1));
  EXPECT_EQ(*read(3), patterned(6000, 3));
}

TEST_F(SegmentsOnDisk, AFrameThatIsNotWrittenWholeIsInNoFile) {
  write({1});
  const auto before = fs::file_size(path(1));
  // The head, two pieces of the body, the batch.
  for (std::uint64_t nth = 1; nth <= 4; ++nth) {
    const std::uint64_t segment = numbers().back();
    const auto size = fs::file_size(path(segment));
    system_->fail(
        Operation::write, system_->count(Operation::write) + nth, FaultFileSystem::Error::no_space);
    const rocksdb::IOStatus status = append({2});
    EXPECT_TRUE(status.IsNoSpace()) << nth << ": " << status.ToString();
    segments_->drop_staged();
    for (const SegmentFile& file : segments_below(dir_.path())) {
      for (const FrameHead& head : frames_in(file)) {
        for (const FrameBody& body : head.bodies)
          EXPECT_NE(body.id, MessageId(2)) << nth;
      }
    }
    EXPECT_EQ(fs::file_size(path(segment)), size) << nth;
  }
  EXPECT_EQ(fs::file_size(path(1)), before);
  EXPECT_THAT(numbers(), ElementsAre(1)) << "each try left an empty one";
  write({3});
  EXPECT_EQ(*read(1), patterned(6000, 1));
  EXPECT_EQ(*read(3), patterned(6000, 3));
}

TEST_F(SegmentsOnDisk, ASyncThatFailsIsAnError) {
  write({1});
  system_->fail_sync_of(".segment", FaultFileSystem::Error::io);
  EXPECT_FALSE(append({2}).ok());
}

// ---- a segment's end ----

TEST_F(SegmentsOnDisk, AFullSegmentIsFollowedByAnother) {
  write({1}, 60'000);
  EXPECT_FALSE(segments_->is_full());
  write({2}, 60'000);
  EXPECT_TRUE(segments_->is_full());
  EXPECT_EQ(segments_->seal(), 1U);
  EXPECT_FALSE(segments_->is_full());
  write({3});
  EXPECT_EQ(places_.at(3).segment, 2U);
  EXPECT_EQ(*read(1), patterned(60'000, 1));
}

TEST_F(SegmentsOnDisk, ASealedSegmentGoesWithItsLastBody) {
  write({1, 2});
  segments_->seal();
  write({3});
  remove({1});
  segments_->remove(MessageId(2));
  EXPECT_EQ(read(2).error(), make_error_code(Errc::not_found));
  EXPECT_TRUE(segments_->has_removals());
  EXPECT_TRUE(fs::exists(path(1))) << "a crash may bring it back";
  segments_->removals_are_durable();
  EXPECT_FALSE(segments_->has_removals());
  segments_.reset();
  EXPECT_THAT(numbers(), ElementsAre(2));
}

TEST_F(SegmentsOnDisk, AnOpenSegmentStaysUntilItIsSealed) {
  write({1});
  remove({1});
  write({2});
  EXPECT_EQ(places_.at(2).segment, 1U);
  remove({2});
  segments_->seal();
  segments_.reset();
  EXPECT_THAT(numbers(), IsEmpty());
}

TEST_F(SegmentsOnDisk, ALargeOneThatNobodyNeedsIsFull) {
  segments_ = std::make_unique<Segments>(Segments::Options{dir_.path(), 1ULL << 30, system_});
  segments_->opened({}, 0);
  write({1}, 9'000'000);
  EXPECT_FALSE(segments_->is_full());
  remove({1});
  EXPECT_TRUE(segments_->is_full());
}

// ---- a start ----

TEST_F(SegmentsOnDisk, AtAStartWhatNobodyNeedsGoesWithTheFirstSync) {
  write({1});
  segments_->seal();
  write({2});
  const std::map<std::uint64_t, SegmentPlace> needed = {
      {2, places_.at(2)}
  };
  start(0, needed);
  EXPECT_TRUE(segments_->has_removals());
  const auto found = segments_->find({1});
  ASSERT_TRUE(found.contains(1)) << "until then it can be found";
  EXPECT_EQ(*read_segment_body(*system_, dir_.path(), found.at(1)), patterned(6000, 1));
  segments_->removals_are_durable();
  start(0, needed);
  EXPECT_THAT(numbers(), ElementsAre(2));
  EXPECT_THAT(segments_->find({1}), IsEmpty());
  EXPECT_EQ(*read(2), patterned(6000, 2));
}

TEST_F(SegmentsOnDisk, ANumberIsNotUsedAgain) {
  start(7);
  write({1});
  EXPECT_EQ(places_.at(1).segment, 8U);
  start(3, places_);
  write({2});
  EXPECT_EQ(places_.at(2).segment, 9U) << "not what a process before has begun";
  std::ofstream(path(40)) << "";
  start(3);
  write({3});
  EXPECT_EQ(places_.at(3).segment, 41U);
  // The file is lost; the database still knows of it.
  start(3,
        {
            {4, {60, 0, 6000, 0}}
  });
  write({5});
  EXPECT_EQ(places_.at(5).segment, 61U);
  EXPECT_EQ(read(4).error(), make_error_code(Errc::damaged));
}

TEST_F(SegmentsOnDisk, OtherFilesAreNoSegments) {
  write({1});
  for (const char* const name : {"x.segment", ".segment", "000002.segment.bak", "3", "-4.segment"})
    std::ofstream(dir_.path(name)) << "x";
  std::ofstream(path(1'000'000'000)) << "longer than the others";
  EXPECT_THAT(numbers(), ElementsAre(1, 1'000'000'000));
}

// ---- space ----

TEST_F(SegmentsOnDisk, HolesAreMadeWhereBodiesWere) {
  for (std::uint64_t id = 1; id <= 10; ++id)
    write({id}, 40'000);
  segments_->seal();
  const std::uint64_t before = octets_on_disk(path(1));
  ASSERT_GE(before, 400'000U);
  remove({1, 2, 3, 4, 6, 7, 8, 9, 10});
  segments_->reclaim(1'000'000);
  EXPECT_EQ(octets_on_disk(path(1)), before) << "so much may be wasted";
  segments_->reclaim(0);
  EXPECT_LT(octets_on_disk(path(1)), before - 9 * 32'000);
  EXPECT_LT(segments_->usage().taken, 120'000U);
  EXPECT_EQ(*read(5), patterned(40'000, 5));
  // The frames can still be told apart, as a start has to.
  EXPECT_EQ(frames_in(segments_below(dir_.path())[0]).size(), 10U);
}

TEST_F(SegmentsOnDisk, NoHolesAreMadeWhereAStartMayLook) {
  for (std::uint64_t id = 1; id <= 10; ++id)
    write({id}, 40'000);
  const std::uint64_t before = octets_on_disk(path(1));
  remove({1, 2, 3, 4, 5, 6, 7, 8, 9});
  segments_->reclaim(0);
  EXPECT_EQ(octets_on_disk(path(1)), before);
  segments_->seal();
  segments_->reclaim(0);
  EXPECT_LT(octets_on_disk(path(1)), before / 2);
}

}  // namespace
}  // namespace postern::spool::test
