// SPDX-License-Identifier: Apache-2.0
#include "base/read_section.h"

#include <gtest/gtest.h>

#include <atomic>
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
  std::atomic<bool> freed = false;
  std::thread writer([&] {
    ReadSection::wait_for_readers();
    delete old;
    freed = true;
  });
  EXPECT_FALSE(freed);
  go_on.set_value();
  reader.join();
  writer.join();
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(freed);
  delete current.load();
}

TEST(ReadSection, WaitsForNobodyWhereNoneIsOpen) {
  std::thread([] { const ReadSection before; }).join();
  { const ReadSection mine; }
  ReadSection::wait_for_readers();
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
