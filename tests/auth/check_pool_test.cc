// SPDX-License-Identifier: Apache-2.0
#include "auth/check_pool.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>

namespace postern::auth {
namespace {

TEST(CheckPool, RunsWhatItTakesOnOtherThreads) {
  CheckPool pool({2, 16});
  std::promise<std::thread::id> ran;
  EXPECT_TRUE(pool.submit([&ran] { ran.set_value(std::this_thread::get_id()); }));
  EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
}

TEST(CheckPool, RefusesWhatIsTooMuchAndDropsWhatWaitsAtItsEnd) {
  std::promise<void> begun;
  std::promise<void> go_on;
  const auto dropped = std::make_shared<int>(0);
  std::thread ender;
  {
    CheckPool pool({1, 2});
    EXPECT_TRUE(pool.submit([&] {
      begun.set_value();
      go_on.get_future().wait();
    }));
    begun.get_future().wait();
    EXPECT_TRUE(pool.submit([dropped] { ++*dropped; }));
    EXPECT_TRUE(pool.submit([dropped] { ++*dropped; }));
    EXPECT_FALSE(pool.submit([dropped] { ++*dropped; }));
    EXPECT_EQ(dropped.use_count(), 3);
    // The first job ends when the pool's end has dropped the others: it waits for the first.
    ender = std::thread([&go_on, &dropped] {
      while (dropped.use_count() > 1)
        std::this_thread::yield();
      go_on.set_value();
    });
  }
  ender.join();
  EXPECT_EQ(*dropped, 0);
  EXPECT_EQ(dropped.use_count(), 1);
}

}  // namespace
}  // namespace postern::auth
