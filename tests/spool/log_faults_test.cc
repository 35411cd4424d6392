// SPDX-License-Identifier: Apache-2.0
// A damaged log, and then something goes wrong while it is mended.
#include "damaged_log.h"
#include "queue/spool/log_mending.h"
#include "queue/spool/log_survey.h"

#include <cerrno>
#include <memory>
#include <unistd.h>

namespace postern::spool::test {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

TEST_F(DamagedLog, AMendingThatEndedBeforeTheLogWasReplacedIsDoneAgain) {
  open();
  fill(10);
  spool_.reset();
  const std::string log = logs()[0];
  flip(log, place_of(log, 'b', stored_[5]) + 50);
  // It has its second name, and is what it was.
  fs::create_hard_link(log, log + ".unmended");
  open();
  expect_lost({stored_[5]});
  EXPECT_FALSE(fs::exists(log + ".unmended"));
}

TEST_F(DamagedLog, ASecondDamageAtAPlaceKeepsTheOctetsOfTheFirst) {
  open();
  fill(10);
  spool_.reset();
  const std::size_t at = place_of(logs()[0], 'b', stored_[5]) + 50;
  flip(logs()[0], at);
  open();
  spool_.reset();
  const std::vector<std::string> first = moved_aside();
  const std::string octets = contents(data() + "/damaged/" + first[0]);
  ASSERT_THAT(first[0], HasSubstr(".log."));
  // Now another letter's group stands there.
  flip(logs()[0], at);
  open();
  EXPECT_TRUE(damaged_.contains(stored_[6]));
  EXPECT_EQ(contents(data() + "/damaged/" + first[0]), octets);
  EXPECT_THAT(moved_aside(), Contains(first[0] + ".2"));
  EXPECT_THAT(troubles_[0], HasSubstr(first[0] + ".2"));
}

/// A disk that cannot read the sector of that octet.
ReadAt bad_at(std::size_t place) {
  return [bad = place / OpenLog::kSector * OpenLog::kSector](
             int fd, void* to, std::size_t size, off_t offset) -> ssize_t {
    const auto from = static_cast<std::size_t>(offset);
    if (from + size <= bad || from >= bad + OpenLog::kSector) {
      return ::pread(fd, to, size, offset);
    }
    errno = EIO;
    return -1;
  };
}

TEST_F(DamagedLog, ASectorThatCannotBeReadIsDamageLikeAnyOther) {
  open();
  fill(60);
  spool_.reset();
  const std::string log = logs()[0];
  const std::string name = fs::path(log).filename().string();
  const std::size_t bad = place_of(log, 'b', stored_[30]) + 100;
  const std::string before = contents(log);
  const auto mending = mend_logs(data() + "/db", data() + "/damaged", bad_at(bad));
  ASSERT_TRUE(mending) << mending.error();
  ASSERT_GE(mending->lines.size(), 2U);
  EXPECT_THAT(mending->lines[0], HasSubstr("cannot read 1 sectors"));
  EXPECT_FALSE(mending->letters.empty());
  EXPECT_EQ(end_mending(*mending, data() + "/db", data() + "/damaged"), "");
  // The disk may be able to read it again, once.
  EXPECT_EQ(contents(data() + "/damaged/" + name), before);
  open();
  EXPECT_THAT(troubles_, IsEmpty());
  EXPECT_FALSE(found_.contains(stored_[30]));
  EXPECT_TRUE(found_.contains(stored_[0]));
  EXPECT_TRUE(found_.contains(stored_[59]));
  for (const LostLetter& letter : mending->letters)
    EXPECT_FALSE(found_.contains(letter.id));
}

TEST_F(DamagedLog, AnEndThatCannotBeReadIsDamage) {
  open();
  fill(10);
  spool_.reset();
  const std::string log = logs()[0];
  const auto octets = fs::file_size(log);
  const auto mending = mend_logs(data() + "/db", data() + "/damaged", bad_at(octets - 1));
  ASSERT_TRUE(mending) << mending.error();
  EXPECT_EQ(mending->lines.size(), 2U);
  EXPECT_LT(fs::file_size(log), octets);
  EXPECT_EQ(end_mending(*mending, data() + "/db", data() + "/damaged"), "");
  open();
  EXPECT_FALSE(found_.contains(stored_[9]));
  EXPECT_TRUE(found_.contains(stored_[0]));
}

TEST_F(DamagedLog, OtherErrorsThanOfASectorAreErrors) {
  open();
  fill(1);
  spool_.reset();
  const auto mending =
      mend_logs(data() + "/db", data() + "/damaged", [](int, void*, std::size_t, off_t) -> ssize_t {
        errno = EACCES;
        return -1;
      });
  ASSERT_FALSE(mending);
  EXPECT_THAT(mending.error(), HasSubstr("cannot read " + logs()[0]));
}

TEST_F(DamagedLog, WhatIsKeptInMemoryHasALimitAndNamesHaveAnother) {
  open();
  fill(20);
  spool_.reset();
  for (const std::size_t bad : {3U, 6U, 9U, 12U})
    flip(logs()[0], place_of(logs()[0], 'b', stored_[bad]) + 50);
  const std::vector<LogFile> files = logs_in(data() + "/db");
  const ReadAt read_at = ::pread;
  const auto survey_with = [&](LogSurvey::Limits limits) {
    auto survey = std::make_unique<LogSurvey>(read_at, limits);
    EXPECT_EQ(survey->read(files[0]), "");
    survey->finish();
    return survey;
  };
  // A group has about 2200 octets.
  const auto one_group = survey_with({.octets = 3000});
  const std::vector<LostLetter> letters = one_group->letters();
  ASSERT_EQ(letters.size(), 4U);
  EXPECT_FALSE(letters[0].body.empty());
  for (std::size_t i = 0; i < letters.size(); ++i) {
    EXPECT_EQ(letters[i].id, stored_[3 * (i + 1)]);
    EXPECT_EQ(letters[i].body.empty(), i > 0) << i;
  }
  const auto two_letters = survey_with({.letters = 2});
  EXPECT_EQ(two_letters->letters().size(), 2U);
  std::size_t unnamed = 0;
  for (const LogSurvey::Place& place : two_letters->places().at(files[0].number))
    unnamed += place.unnamed;
  EXPECT_EQ(unnamed, 2U);
}

}  // namespace
}  // namespace postern::spool::test
