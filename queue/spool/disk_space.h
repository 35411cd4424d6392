// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace postern::spool {

/// Octets that are free for this process on some file system.
using FreeOctets = std::function<std::uint64_t()>;

/// statvfs(3) of `path`; when that fails, as good as endless: the write will tell.
FreeOctets free_octets_of(std::string path);

/// Whether there is more room than the reserve: asked before anything is accepted, so that senders
/// are told before the disk is full and settling can still be written. Any thread; asks the file
/// system at most once an interval.
class DiskSpace {
 public:
  DiskSpace(FreeOctets probe, std::uint64_t reserve, std::chrono::milliseconds interval);

  bool has_room();
  std::uint64_t free_octets() const { return free_.load(std::memory_order_relaxed); }

 private:
  FreeOctets probe_;
  std::uint64_t reserve_;
  std::int64_t interval_;              ///< of the steady clock's ticks
  std::atomic<std::int64_t> next_{0};  ///< when to ask again
  std::atomic<std::uint64_t> free_{~0ULL};
};

}  // namespace postern::spool
