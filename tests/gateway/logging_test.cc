// SPDX-License-Identifier: Apache-2.0
#include "gateway/logging.h"

#include "base/metrics.h"
#include "gateway/config.h"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace postern::gateway {
namespace {

namespace fs = std::filesystem;

/// A folder for log files; spdlog's own logger is put back at the end.
class LoggingTest : public ::testing::Test {
 protected:
  LoggingTest() {
    std::string name = (fs::temp_directory_path() / "postern-log-XXXXXX").string();
    folder = mkdtemp(name.data());
    config.file = folder / "logs" / "postern.log";
  }
  ~LoggingTest() override {
    spdlog::set_default_logger(logger_);
    fs::remove_all(folder);
  }
  static std::string text(const fs::path& file) {
    std::ostringstream out;
    out << std::ifstream(file).rdbuf();
    return out.str();
  }

  fs::path folder;
  LogConfig config;

 private:
  std::shared_ptr<spdlog::logger> logger_ = spdlog::default_logger();
};

TEST_F(LoggingTest, WritesTheNewFileAfterTheOldOneWasMovedAway) {
  ASSERT_TRUE(start_logging(config));
  spdlog::info("before");
  fs::rename(config.file, folder / "logs" / "old.log");
  EXPECT_TRUE(reopen_log());
  spdlog::info("after");
  shut_down_logging();
  EXPECT_THAT(text(config.file), ::testing::HasSubstr("after"));
}

TEST_F(LoggingTest, GoesOnWithTheOldFileWhenTheNewOneCannotBeOpened) {
  ASSERT_TRUE(start_logging(config));
  fs::rename(folder / "logs", folder / "moved");
  std::ofstream(folder / "logs") << "a file where the folder was";
  const Result<void, std::string> reopened = reopen_log();
  ASSERT_FALSE(reopened);
  EXPECT_THAT(reopened.error(), ::testing::HasSubstr(config.file));
  spdlog::info("after");
  shut_down_logging();
  EXPECT_THAT(text(folder / "moved" / "postern.log"), ::testing::HasSubstr("after"));
}

/// /dev/full takes nothing.
TEST_F(LoggingTest, LinesThatStandardErrorDoesNotTakeAreCounted) {
  const metrics::Counter& lost = metrics::counter("postern_log_lines_lost_total");
  const std::uint64_t before = lost.value();
  config.file.clear();
  const int kept = ::dup(STDERR_FILENO);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(kept, 0);
  ASSERT_GE(full, 0);
  ::dup2(full, STDERR_FILENO);
  const bool started = start_logging(config).has_value();
  spdlog::info("lost");
  spdlog::info("lost too");
  shut_down_logging();
  ::dup2(kept, STDERR_FILENO);
  std::clearerr(stderr);
  ::close(kept);
  ::close(full);
  ASSERT_TRUE(started);
  EXPECT_EQ(lost.value(), before + 2);
}

}  // namespace
}  // namespace postern::gateway
