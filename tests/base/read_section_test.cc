// SPDX-License-Identifier: Apache-2.0
#include "base/read_section.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <vector>

namespace postern {
namespace {

/// A number that is gone once it is freed.
struct Value {
  explicit Value(int n) : number(n) {}
  ~Value() { number = -1; }
  std::atomic<int> number;
};

TEST(ReadSection, KeepsWhatItHasFoundUntilItsEnd) {
  std::atomic<Value*> current = new Value(1);
  std::promise<void> found;
  std::promise<void> go_on;
  int seen = 0;
  std::thread reader([&] {
    const ReadSection outer;
    const Value* value = current.load();
    { const ReadSection inner; }  // the outer one is open still
    found.set_value();
    go_on.get_future().wait();
    seen = value->number;
  });
  found.get_future().wait();
  Value* const old = current.exchange(new Value(2));
  // Whether it was too early the sanitizers tell, which run this test.
  std::thread writer([old] {
    ReadSection::wait_for_readers();
    delete old;
  });
  go_on.set_value();
  reader.join();
  writer.join();
  EXPECT_EQ(seen, 1);
  delete current.load();
}

TEST(ReadSection, NobodyIsWaitedForWhoHadOneBefore) {
  std::promise<void> had_one;
  std::promise<void> go_on;
  std::thread idle([&] {
    { const ReadSection before; }
    had_one.set_value();
    go_on.get_future().wait();
  });
  had_one.get_future().wait();
  { const ReadSection mine; }
  std::future<void> waited = std::async(std::launch::async, ReadSection::wait_for_readers);
  EXPECT_EQ(waited.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  go_on.set_value();
  idle.join();
}

TEST(ReadSection, WhoWouldWaitForHimselfIsEnded) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // ThreadSanitizer has a thread of its own
  EXPECT_DEATH(
      {
        const ReadSection outer;
        ReadSection::wait_for_readers();
      },
      "");
}

/// Opens a section when its thread is about to end, and keeps it until it is told.
struct Late {
  std::promise<void>* opened = nullptr;
  std::future<void>* go_on = nullptr;
  ~Late() {
    if (opened == nullptr) return;
    const ReadSection last;
    opened->set_value();
    go_on->wait();
  }
};

TEST(ReadSection, OneAtAThreadsEndSharesNoSlotWithAnotherThread) {
  std::promise<void> opened;
  std::promise<void> go_on;
  std::future<void> told = go_on.get_future();
  std::thread ending([&] {
    thread_local Late late;  // before the first section: destroyed after what that leaves
    late.opened = &opened;
    late.go_on = &told;
    const ReadSection first;
  });
  opened.get_future().wait();
  // Takes the slot that is free, and says in it that nothing is open.
  std::thread([] { const ReadSection other; }).join();
  std::future<void> waited = std::async(std::launch::async, ReadSection::wait_for_readers);
  // It cannot return: a longer wait would only find more.
  EXPECT_EQ(waited.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  go_on.set_value();
  ending.join();
  waited.wait();
}

TEST(ReadSection, ReadersNeverSeeWhatIsFreedWhileOthersReplaceIt) {
  std::atomic<Value*> current = new Value(0);
  std::atomic<bool> stop = false;
  std::atomic<unsigned> mistakes = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      int last = 0;
      while (!stop) {
        const ReadSection reading;
        const int now = current.load()->number;
        if (now < last) ++mistakes;
        last = now;
      }
    });
  }
  for (int i = 1; i <= 500; ++i) {
    Value* const old = current.exchange(new Value(i));
    ReadSection::wait_for_readers();
    delete old;
  }
  stop = true;
  for (std::thread& reader : readers)
    reader.join();
  EXPECT_EQ(mistakes, 0U);
  delete current.load();
}

}  // namespace
}  // namespace postern
