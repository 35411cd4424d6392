// SPDX-License-Identifier: Apache-2.0
#include "routing/watched_table.h"

#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

class WatchedTableTest : public ::testing::Test {
 protected:
  WatchedTable open(const std::string& path, std::chrono::milliseconds settle = {}) {
    WatchedTable::Options options;
    options.notice = [this](const std::string& line) { notices_.push_back(line); };
    options.settle = settle;
    options.now = [this] { return now_; };
    return {
        path, MailboxRules{&domains_, false, "+"},
         std::move(options)
    };
  }
  static bool has(const WatchedTable& watched, std::string_view address) {
    const auto table = watched.table();
    return table && table->find(mailbox(address)) != 0;
  }
  Config config_ = example_config();
  DomainIndex domains_{config_.domains};
  std::vector<std::string> notices_;
  std::chrono::steady_clock::time_point now_;
};

TEST_F(WatchedTableTest, ReadsTheFileAtOnceAlsoWithoutALastLineEnd) {
  const TemporaryFile file("a@company.ru\r\nb@company.ru");
  const WatchedTable watched = open(file.path());
  EXPECT_TRUE(has(watched, "a@company.ru"));
  EXPECT_TRUE(has(watched, "b@company.ru"));
  EXPECT_EQ(watched.short_name(), "list.txt");
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0], HasSubstr("2 entries"));
}

TEST_F(WatchedTableTest, AnUnchangedFileIsNotReadAgain) {
  const TemporaryFile file("a@company.ru\n");
  WatchedTable watched = open(file.path(), std::chrono::seconds(1));
  const auto before = watched.table();
  EXPECT_EQ(watched.refresh(), Refresh::unchanged);
  EXPECT_EQ(watched.table(), before);
}

TEST_F(WatchedTableTest, TakesAFileThatWasReplacedAndOneThatWasWrittenInPlace) {
  const TemporaryFile file("a@company.ru\n");
  WatchedTable watched = open(file.path());
  file.replace_by("b@company.ru\n");
  EXPECT_EQ(watched.refresh(), Refresh::reloaded);
  EXPECT_FALSE(has(watched, "a@company.ru"));
  EXPECT_TRUE(has(watched, "b@company.ru"));
  file.write("b@company.ru\nc@company.ru\n");
  EXPECT_EQ(watched.refresh(), Refresh::reloaded);
  EXPECT_TRUE(has(watched, "c@company.ru"));
}

TEST_F(WatchedTableTest, AFileThatIsStillBeingWrittenWaits) {
  const TemporaryFile file("a@company.ru\n");
  WatchedTable watched = open(file.path(), std::chrono::seconds(1));
  file.write("");  // truncated: the writer goes on in a moment
  EXPECT_EQ(watched.refresh(), Refresh::settling);
  now_ += std::chrono::milliseconds(900);
  file.write("b@company.ru\n");
  EXPECT_EQ(watched.refresh(), Refresh::settling);
  now_ += std::chrono::milliseconds(900);
  EXPECT_EQ(watched.refresh(), Refresh::settling);
  EXPECT_TRUE(has(watched, "a@company.ru"));
  now_ += std::chrono::milliseconds(100);
  EXPECT_EQ(watched.refresh(), Refresh::reloaded);
  EXPECT_TRUE(has(watched, "b@company.ru"));
  EXPECT_EQ(watched.refresh(), Refresh::unchanged);
}

TEST_F(WatchedTableTest, AMissingFileSaysWhyAndIsTakenWhenItComes) {
  const TemporaryFile file("a@company.ru\n");
  file.remove();
  WatchedTable watched = open(file.path());
  EXPECT_EQ(watched.table(), nullptr);
  EXPECT_THAT(watched.problem(), HasSubstr("No such file"));
  EXPECT_EQ(watched.refresh(), Refresh::failed);
  EXPECT_EQ(notices_.size(), 1U) << "the same problem is told once";
  file.write("a@company.ru\n");
  EXPECT_EQ(watched.refresh(), Refresh::reloaded);
  EXPECT_TRUE(watched.problem().empty());
}

TEST_F(WatchedTableTest, TheLastGoodTableStaysWhenTheFileGoesAway) {
  const TemporaryFile file("a@company.ru\n");
  WatchedTable watched = open(file.path());
  file.remove();
  EXPECT_EQ(watched.refresh(), Refresh::failed);
  EXPECT_TRUE(has(watched, "a@company.ru"));
  ASSERT_EQ(notices_.size(), 2U);
  EXPECT_THAT(notices_[1], HasSubstr("stays in use (1 entries)"));
  file.write("b@company.ru\n");
  EXPECT_EQ(watched.refresh(), Refresh::reloaded);
  EXPECT_TRUE(has(watched, "b@company.ru"));
}

TEST_F(WatchedTableTest, AFolderIsAProblemAndNoList) {
  const WatchedTable watched = open(std::filesystem::temp_directory_path().string());
  EXPECT_EQ(watched.table(), nullptr);
  EXPECT_FALSE(watched.problem().empty());
}

TEST_F(WatchedTableTest, LinesThatAreIgnoredAreTold) {
  const TemporaryFile file("a@company.ru\nb@corp.com\n");
  open(file.path());
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_THAT(notices_[0], HasSubstr("1 lines ignored (line 2:"));
}

}  // namespace
}  // namespace postern::routing::testing
