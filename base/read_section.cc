// SPDX-License-Identifier: Apache-2.0
#include "base/read_section.h"

#include <chrono>
#include <cstdlib>
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
  std::vector<Slot*> free;  ///< with room for all of them
};

/// Never destroyed: threads may end after main().
Slots& slots() {
  static Slots& instance = *new Slots;
  return instance;
}

}  // namespace

constinit thread_local ReadSection::Reader ReadSection::reader_;

/// Gives a slot back when its thread ends. Destructors of other thread-local objects may open a
/// section later: not with a slot that somebody else has by then.
struct ReadSection::Holder {
  ~Holder() {
    const std::lock_guard lock(slots().mutex);
    slots().free.push_back(reader_.slot);
    reader_.slot = nullptr;
    reader_.is_ending = true;
  }
};

void ReadSection::take_slot() {
  const std::lock_guard lock(slots().mutex);
  Slots& known = slots();
  if (known.free.empty()) {
    known.free.reserve(known.all.size() + 1);
    reader_.slot = &known.all.emplace_back();
  } else {
    reader_.slot = known.free.back();
    known.free.pop_back();
  }
  // Who is ending keeps it for ever: nothing of his is called any more that could give it back.
  if (!reader_.is_ending) thread_local const Holder holder;
}

void ReadSection::wait_for_readers() {
  if (reader_.depth != 0) std::abort();
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
