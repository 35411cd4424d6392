// SPDX-License-Identifier: Apache-2.0
#include "gateway/file_thread.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

namespace postern::gateway {
namespace {

constexpr std::chrono::minutes kEver{1};

/// Waits until the job of before has ended.
void begin_when_free(FileThread& thread, const FileThread::Job& job) {
  while (!thread.begin(job))
    std::this_thread::yield();
}

TEST(FileThread, DoesOneJobAtATimeOnAThreadOfItsOwn) {
  FileThread thread(kEver);
  EXPECT_EQ(thread.busy_for().count(), 0);
  std::promise<std::thread::id> where;
  std::promise<void> go_on;
  ASSERT_TRUE(thread.begin([&] {
    where.set_value(std::this_thread::get_id());
    go_on.get_future().wait();
  }));
  EXPECT_NE(where.get_future().get(), std::this_thread::get_id());
  EXPECT_FALSE(thread.begin([] { ADD_FAILURE() << "a second one at the same time"; }));
  EXPECT_GT(thread.busy_for().count(), 0);
  go_on.set_value();
  std::promise<void> next;
  begin_when_free(thread, [&next] { next.set_value(); });
  next.get_future().wait();
}

TEST(FileThread, AStopWaitsForAJobThatEnds) {
  FileThread thread(kEver);
  std::atomic<bool> is_done = false;
  ASSERT_TRUE(thread.begin([&is_done] {
    std::this_thread::yield();
    is_done = true;
  }));
  EXPECT_TRUE(thread.stop());
  EXPECT_TRUE(is_done);
  EXPECT_FALSE(thread.begin([] {})) << "behind the stop";
}

TEST(FileThread, AStopLeavesAJobBehindThatHangs) {
  std::promise<void> go_on;
  std::weak_ptr<int> owned;
  {
    FileThread thread(std::chrono::milliseconds(1));
    const auto what = std::make_shared<int>(1);
    owned = what;
    ASSERT_TRUE(thread.begin([what, wait = go_on.get_future().share()] { wait.wait(); }));
    EXPECT_FALSE(thread.stop());
    EXPECT_FALSE(thread.begin([] {}));
  }
  EXPECT_FALSE(owned.expired()) << "the job uses it still";
  go_on.set_value();
  while (!owned.expired())
    std::this_thread::yield();
}

TEST(FileThread, GoesOnBehindAJobThatThrows) {
  spdlog::set_level(spdlog::level::off);
  FileThread thread(kEver);
  ASSERT_TRUE(thread.begin([] { throw std::runtime_error("no memory for a list"); }));
  std::promise<void> next;
  begin_when_free(thread, [&next] { next.set_value(); });
  next.get_future().wait();
  EXPECT_TRUE(thread.stop());
}

}  // namespace
}  // namespace postern::gateway
