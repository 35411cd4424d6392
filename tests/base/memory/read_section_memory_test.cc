// SPDX-License-Identifier: Apache-2.0
// What a section does where there is no memory for it. A program of its own: it has its own
// operator new.
#include "base/read_section.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <new>
#include <thread>

namespace {

thread_local bool is_full = false;
thread_local unsigned taken = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++taken;
  void* const p = is_full ? nullptr : std::malloc(size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}

namespace postern {
namespace {

bool can_open() {
  try {
    const ReadSection section;
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

TEST(ReadSectionMemory, OneThatGotNoneIsNotOpenAndTheNextOneIs) {
  std::promise<void> opened;
  std::promise<void> go_on;
  std::thread reader([&] {
    // The first thread of this program with a section: no other's slot is free.
    is_full = true;
    EXPECT_FALSE(can_open());
    is_full = false;
    ReadSection::wait_for_readers();  // ends the program where one counts as open
    const ReadSection section;
    opened.set_value();
    go_on.get_future().wait();
  });
  opened.get_future().wait();
  std::future<void> waited = std::async(std::launch::async, ReadSection::wait_for_readers);
  // It cannot return: a longer wait would only find more.
  EXPECT_EQ(waited.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  go_on.set_value();
  waited.wait();
  reader.join();
}

TEST(ReadSectionMemory, AThreadsSlotIsTheNextThreadsAndTakesNone) {
  std::thread([] { EXPECT_TRUE(can_open()); }).join();
  std::thread([] {
    const unsigned before = taken;
    EXPECT_TRUE(can_open());
    EXPECT_EQ(taken, before);
  }).join();
}

}  // namespace
}  // namespace postern
