// SPDX-License-Identifier: Apache-2.0
// The ring of recorded envelopes on a real disk.
#include "gateway/envelope_recorder.h"

#include "gateway/record_files.h"
#include "recorded_envelopes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::gateway {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class EnvelopeRecorderTest : public ::testing::Test {
 protected:
  ~EnvelopeRecorderTest() override { fs::remove_all(folder_.parent_path()); }

  std::unique_ptr<EnvelopeRecorder> open(std::size_t envelopes, std::size_t pending = 8UL << 20) {
    EnvelopeRecorder::Options options;
    options.folder = folder_.string();
    options.envelopes = envelopes;
    options.pending = pending;
    options.on_trouble = [this](const std::string& line) { trouble_ += line + "\n"; };
    auto opened = EnvelopeRecorder::open(std::move(options));
    EXPECT_TRUE(opened) << opened.error();
    return *std::move(opened);
  }
  static void record(EnvelopeRecorder& recorder, int first, int last) {
    for (int i = first; i < last; ++i)
      recorder.record(routed(fmt::format("u{}@company.ru", i), "vk"));
  }
  /// Local parts of the recipients that can be read.
  std::vector<std::string> kept(std::size_t limit = 0) const {
    std::vector<std::string> out;
    const auto read = read_records(folder_.string(), limit, [&](const RecordedEnvelope& envelope) {
      out.emplace_back(envelope.recipients.at(0).address.local());
      return true;
    });
    EXPECT_TRUE(read) << read.error();
    if (read) EXPECT_EQ(read->damaged, 0U);
    return out;
  }
  std::string newest() const {
    return (folder_ / record_file_name(record_files(folder_.string()).back())).string();
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("postern-recorder-" + std::to_string(::getpid())) / "envelopes";
  std::string trouble_;
};

TEST_F(EnvelopeRecorderTest, KeepsTheLastEnvelopesAndAnEighthMoreAtMost) {
  const auto recorder = open(80);
  for (int i = 0; i < 1000; i += 7) {
    record(*recorder, i, std::min(i + 7, 1000));
    recorder->flush();
  }
  const std::vector<std::string> all = kept();
  EXPECT_GE(all.size(), 80U);
  EXPECT_LE(all.size(), 90U);
  EXPECT_EQ(all.back(), "u999");
  EXPECT_EQ(all.front(), fmt::format("u{}", 1000 - all.size()));
  EXPECT_EQ(recorder->stats().recorded, 1000U);
  EXPECT_EQ(recorder->stats().dropped, 0U);
}

TEST_F(EnvelopeRecorderTest, ReadsTheLastOnesAcrossFiles) {
  const auto recorder = open(80);
  record(*recorder, 0, 45);
  recorder->flush();
  EXPECT_EQ(kept().size(), 45U);
  const std::vector<std::string> last = kept(17);
  EXPECT_EQ(last.size(), 17U);
  EXPECT_EQ(last.front(), "u28");
  EXPECT_EQ(last.back(), "u44");
  EXPECT_EQ(kept(1000).size(), 45U);
}

TEST_F(EnvelopeRecorderTest, IsItsOwnersAlone) {
  open(80);
  struct stat file {};
  struct stat folder {};
  ASSERT_EQ(::stat(newest().c_str(), &file), 0);
  ASSERT_EQ(::stat(folder_.c_str(), &folder), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
  EXPECT_EQ(folder.st_mode & 0777U, 0700U);
}

TEST_F(EnvelopeRecorderTest, GoesOnBehindTheLastWholeRecordAfterACrash) {
  {
    const auto recorder = open(80);
    record(*recorder, 0, 5);
  }
  const auto size = fs::file_size(newest());
  fs::resize_file(newest(), size - 3);
  const auto recorder = open(80);
  record(*recorder, 5, 7);
  recorder->flush();
  EXPECT_EQ(kept(), (std::vector<std::string>{"u0", "u1", "u2", "u3", "u5", "u6"}));
}

TEST_F(EnvelopeRecorderTest, DropsAndCountsWhatDoesNotFitRatherThanWait) {
  std::string one;
  append_record(routed("u0@company.ru", "vk"), one);
  {
    const auto recorder = open(80, one.size() - 1);
    record(*recorder, 0, 3);
    recorder->flush();
    EXPECT_EQ(recorder->stats().recorded, 0U);
    EXPECT_EQ(recorder->stats().dropped, 3U);
  }
  EXPECT_TRUE(kept().empty());
}

TEST_F(EnvelopeRecorderTest, WritesWhatIsLeftAtItsEnd) {
  {
    const auto recorder = open(80);
    record(*recorder, 0, 3);
  }
  EXPECT_EQ(kept().size(), 3U);
}

TEST_F(EnvelopeRecorderTest, MakesNothingWhereNothingIsKeptUntilAReloadKeepsThem) {
  const auto recorder = open(0);
  recorder->flush();
  EXPECT_FALSE(fs::exists(folder_));
  recorder->keep(80);
  EXPECT_TRUE(kept().empty()) << "nothing is recorded yet, which is no error";
  record(*recorder, 0, 3);
  recorder->flush();
  EXPECT_EQ(kept(), (std::vector<std::string>{"u0", "u1", "u2"}));
  EXPECT_EQ(recorder->stats().recorded, 3U);
}

TEST_F(EnvelopeRecorderTest, ThatBeginsLateSaysOnceWhyItCannot) {
  const auto recorder = open(0);
  fs::create_directories(folder_.parent_path());
  std::ofstream(folder_) << "no folder";
  for (int i = 0; i < 2; ++i) {
    record(*recorder, i, i + 1);
    recorder->flush();
  }
  EXPECT_EQ(recorder->stats().dropped, 2U);
  EXPECT_THAT(trouble_, HasSubstr("envelopes are not recorded: cannot "));
  EXPECT_EQ(std::count(trouble_.begin(), trouble_.end(), '\n'), 1) << trouble_;
}

TEST_F(EnvelopeRecorderTest, SaysWhyItCannotBegin) {
  fs::create_directories(folder_.parent_path());
  std::ofstream(folder_) << "no folder";
  EnvelopeRecorder::Options options;
  options.folder = folder_.string();
  options.envelopes = 80;
  const auto refused = EnvelopeRecorder::open(std::move(options));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr(folder_.string()));
}

TEST_F(EnvelopeRecorderTest, ReadingNothingSaysWhereItLooked) {
  const auto take = [](const RecordedEnvelope&) { return true; };
  const auto refused = read_records(folder_.string(), 0, take);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("there are no recorded envelopes"));
  EXPECT_THAT(refused.error(), HasSubstr(folder_.string()));
}

TEST_F(EnvelopeRecorderTest, CountsDamageInTheMiddleAndReadsTheRest) {
  {
    const auto recorder = open(80);
    record(*recorder, 0, 5);
  }
  std::fstream file(newest(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(fs::file_size(newest()) / 2));
  file.put('\xff').put('\xff');
  file.close();
  std::size_t envelopes = 0;
  const auto read = read_records(newest(), 0, [&envelopes](const RecordedEnvelope&) {
    ++envelopes;
    return true;
  });
  ASSERT_TRUE(read);
  EXPECT_EQ(read->damaged, 1U);
  EXPECT_EQ(envelopes, 4U);
}

}  // namespace
}  // namespace postern::gateway
