// SPDX-License-Identifier: Apache-2.0
#include "base/process_memory.h"

#include <fstream>
#include <malloc.h>
#include <unistd.h>

namespace postern {

ProcessMemory process_memory() {
  ProcessMemory out;
  std::uint64_t size = 0;
  std::uint64_t pages = 0;
  std::ifstream file("/proc/self/statm");
  if (file >> size >> pages) {
    out.resident = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
#ifdef __GLIBC__
  const struct ::mallinfo2 of_all = ::mallinfo2();
  // Blocks that were too large for an arena are mapped, and counted on their own.
  out.allocated = of_all.uordblks + of_all.hblkhd;
  out.unused = of_all.fordblks;
#endif
  return out;
}

}  // namespace postern
