// SPDX-License-Identifier: Apache-2.0
#include "gateway/line_writer.h"

#include <gmock/gmock.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>

namespace postern::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// What was written, a string a write; writes can be held up.
class Written {
 public:
  LineWriter::Output output() {
    return [this](const spdlog::memory_buf_t& lines) {
      std::unique_lock lock(mutex_);
      ++begun_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !held_; });
      if (fails_) throw spdlog::spdlog_ex("no space left");
      writes_.emplace_back(lines.data(), lines.size());
    };
  }
  void hold() {
    const std::scoped_lock lock(mutex_);
    held_ = true;
  }
  void let_go() {
    const std::scoped_lock lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  void fail(bool on) {
    const std::scoped_lock lock(mutex_);
    fails_ = on;
  }
  void wait_for_write(std::size_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, number] { return begun_ >= number; });
  }
  std::vector<std::string> writes() {
    const std::scoped_lock lock(mutex_);
    return writes_;
  }
  std::string text() {
    std::string out;
    for (const std::string& write : writes())
      out += write;
    return out;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> writes_;
  std::size_t begun_ = 0;
  bool held_ = false;
  bool fails_ = false;
};

struct LineWriterTest : ::testing::Test {
  static std::unique_ptr<spdlog::formatter> pattern(const char* text) {
    return std::make_unique<spdlog::pattern_formatter>(text);
  }
  Written written;
  std::shared_ptr<LineWriter> writer =
      std::make_shared<LineWriter>(pattern("%l %v"), written.output());
  spdlog::logger logger{"test", writer};
};

TEST_F(LineWriterTest, FlushWaitsUntilAllIsWritten) {
  logger.info("one");
  logger.warn("two");
  logger.flush();
  EXPECT_EQ(written.text(), "info one\nwarning two\n");
  logger.flush();
  EXPECT_EQ(written.text(), "info one\nwarning two\n");
}

TEST_F(LineWriterTest, LinesThatComeDuringAWriteLeaveTogether) {
  written.hold();
  logger.info("first");
  written.wait_for_write(1);
  for (int i = 0; i < 50; ++i)
    logger.info("line {}", i);
  written.let_go();
  logger.flush();
  const std::vector<std::string> writes = written.writes();
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(writes[0], "info first\n");
  EXPECT_EQ(std::count(writes[1].begin(), writes[1].end(), '\n'), 50);
}

TEST_F(LineWriterTest, ALineIsWrittenWithoutAnybodyAskingForIt) {
  logger.info("alone");
  written.wait_for_write(1);
  logger.info("and again");
  written.wait_for_write(2);
  writer->stop();
  EXPECT_THAT(written.writes(), ElementsAre("info alone\n", "info and again\n"));
}

TEST_F(LineWriterTest, KeepsEachThreadsOrder) {
  constexpr int kThreads = 4;
  constexpr int kLines = 500;
  std::latch begin(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t, &begin] {
      begin.arrive_and_wait();
      for (int i = 0; i < kLines; ++i)
        logger.info("{} {}", t, i);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  writer->stop();
  std::vector<int> next(kThreads, 0);
  std::istringstream lines(written.text());
  std::string level;
  int t = 0;
  int i = 0;
  while (lines >> level >> t >> i)
    ASSERT_EQ(i, next.at(static_cast<std::size_t>(t))++);
  EXPECT_THAT(next, ::testing::Each(kLines));
}

TEST_F(LineWriterTest, WhoLogsWaitsForRoomAndLosesNothing) {
  written.hold();
  logger.info("first");
  written.wait_for_write(1);
  const std::string large(LineWriter::kOctets / 4, 'x');
  std::atomic<int> logged = 0;
  std::thread other([&] {
    for (int i = 0; i < 8; ++i) {
      logger.info(large);
      ++logged;
    }
  });
  while (logged < 4)
    std::this_thread::yield();
  // Time for what must not happen; it is no failure when it does not.
  for (int i = 0; i < 1000 && logged == 4; ++i)
    std::this_thread::yield();
  written.let_go();
  other.join();
  writer->stop();
  const std::vector<std::string> writes = written.writes();
  ASSERT_GE(writes.size(), 2U);
  EXPECT_EQ(std::count(writes[1].begin(), writes[1].end(), '\n'), 4);
  const std::string text = written.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 9);
  EXPECT_EQ(std::count(text.begin(), text.end(), 'x'), 8 * static_cast<long>(large.size()));
}

TEST_F(LineWriterTest, StopWritesWhatIsLeftAndDropsWhatComesLater) {
  written.hold();
  logger.info("first");
  written.wait_for_write(1);
  logger.info("second");
  written.let_go();
  writer->stop();
  logger.info("too late");
  logger.flush();
  EXPECT_THAT(written.writes(), ElementsAre("info first\n", "info second\n"));
}

TEST_F(LineWriterTest, GoesOnAfterAWriteThatFailed) {
  written.fail(true);
  ::testing::internal::CaptureStderr();
  logger.info("lost");
  logger.flush();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("1 lines of the log are lost: no space left"));
  written.fail(false);
  logger.info("kept");
  logger.flush();
  EXPECT_EQ(written.text(), "info kept\n");
}

TEST_F(LineWriterTest, TakesAnotherFormat) {
  writer->set_pattern("[%v]");
  logger.info("text");
  logger.flush();
  EXPECT_EQ(written.text(), "[text]\n");
}

}  // namespace
}  // namespace postern::gateway
