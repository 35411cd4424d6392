// SPDX-License-Identifier: Apache-2.0
#include "base/read_section.h"

#include <cassert>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace postern {
namespace {

using Slot = ReadSection::Slot;

/// Slots of all threads. They are kept for ever, as many as there were threads at a time: whoever
/// waits looks at them without a lock.
struct Slots {
  std::mutex mutex;
  std::deque<Slot> all;
  std::vector<Slot*> free;
};

/// Never destroyed: threads may end after main().
Slots& slots() {
  static Slots& instance = *new Slots;
  return instance;
}

/// Gives a slot back when its thread ends.
struct Holder {
  Slot* slot = nullptr;
  ~Holder() {
    if (slot == nullptr) return;
    const std::lock_guard lock(slots().mutex);
    slots().free.push_back(slot);
  }
};

thread_local Holder holder;

}  // namespace

constinit thread_local ReadSection::Reader ReadSection::reader_;

void ReadSection::take_slot() {
  const std::lock_guard lock(slots().mutex);
  if (slots().free.empty()) {
    reader_.slot = &slots().all.emplace_back();
  } else {
    reader_.slot = slots().free.back();
    slots().free.pop_back();
  }
  holder.slot = reader_.slot;
}

void ReadSection::wait_for_readers() {
  assert(reader_.depth == 0);  // it would wait for itself
  std::vector<Slot*> open;
  {
    const std::lock_guard lock(slots().mutex);
    for (Slot& slot : slots().all)
      open.push_back(&slot);
  }
  for (const Slot* slot : open) {
    const std::uint64_t section = slot->since.load();
    if (section == 0) continue;
    // Sections are short: a few microseconds, unless their thread lost its processor.
    while (slot->since.load() == section)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

}  // namespace postern
