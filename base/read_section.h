// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace postern {

/// A stretch of code that reads what another thread may replace (read-copy-update): what was
/// reachable at its begin stays until its end. Costs one exchange on a cache line of the thread's
/// own, where a lock and a reference count are lines that all threads want. Whoever replaces
/// something first makes it unreachable (a seq_cst store to an atomic pointer, which sections load
/// seq_cst), then waits for the readers, then frees it. Sections nest; any thread may open one. It
/// holds up the one that waits: no blocking inside, and none over a co_await (tools/await_lint.py).
class ReadSection {
 public:
  ReadSection() {
    Reader& reader = reader_;
    if (reader.slot == nullptr) take_slot();  // may throw bad_alloc: before anything is counted
    if (reader.depth++ > 0) return;
    // seq_cst: before the loads inside, in the order that wait_for_readers() sees.
    reader.slot->since.store(++reader.slot->count);
  }
  ~ReadSection() {
    if (--reader_.depth == 0) reader_.slot->since.store(0, std::memory_order_release);
  }
  ReadSection(const ReadSection&) = delete;
  ReadSection& operator=(const ReadSection&) = delete;

  /// Returns when every section that was open at the call has ended. Any thread; one that has a
  /// section open would wait for itself, and ends the program.
  static void wait_for_readers();

  /// One thread's, later perhaps another's.
  struct alignas(64) Slot {
    std::atomic<std::uint64_t> since{0};  ///< which of its sections is open; 0: none
    std::uint64_t count = 0;              ///< its sections so far; its thread's own
  };

 private:
  struct Reader {
    Slot* slot = nullptr;
    unsigned depth = 0;
    bool is_ending = false;  ///< its thread has given its slot back
  };
  struct Holder;
  static void take_slot();

  static constinit thread_local Reader reader_;
};

}  // namespace postern
