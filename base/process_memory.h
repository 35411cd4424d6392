// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace postern {

/// What this process has of the machine's memory, in octets.
struct ProcessMemory {
  /// Pages that are in memory, those of the program and its libraries too (RSS).
  std::uint64_t resident = 0;
  /// Given out by the C library's allocator and not given back, with the few blocks that a thread
  /// keeps for its next allocations. Not all of it needs to be resident. 0: another allocator is
  /// in its place, which does not tell (sanitizers).
  std::uint64_t allocated = 0;
  /// Given back, and kept by the allocator for what comes next.
  std::uint64_t unused = 0;
};

/// As of now. Any thread. Takes the allocator's locks and walks its lists of what is free: up to a
/// few milliseconds, so that it is for who asks now and then.
ProcessMemory process_memory();

/// The size of the block that the C library's allocator (glibc, 64 bits) takes for a request.
constexpr std::uint64_t heap_block(std::uint64_t wanted) {
  constexpr std::uint64_t kHeader = 8;
  constexpr std::uint64_t kUnit = 16;
  constexpr std::uint64_t kLeast = 32;
  const std::uint64_t block = (wanted + kHeader + kUnit - 1) / kUnit * kUnit;
  return block < kLeast ? kLeast : block;
}

}  // namespace postern
