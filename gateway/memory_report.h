// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/process_memory.h"
#include "queue/spool/spool.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

namespace postern::gateway {

/// What this process has of the machine's memory, and what of it is what: which parts have a limit,
/// and what grows with the queue. Octets.
struct MemoryReport {
  ProcessMemory process;
  spool::MemoryUse spool;
};

/// As of now; any thread, but none that serves clients: it may take milliseconds. Looks at
/// `letters` of those in memory: Spool::memory_use().
MemoryReport memory_report(const spool::Spool& spool, std::size_t letters);

/// Of what the allocator has given out, what is in none of the named parts: ids and times of
/// what waits, sessions, connections, the config, directories. 0: the allocator does not tell.
std::uint64_t other_octets(const MemoryReport& report);

/// "memory" of `postern queue stats --json` (docs/queue.md).
nlohmann::ordered_json json_of(const MemoryReport& report);

/// Sets the gauges of docs/metrics.md.
void show_in_metrics(const MemoryReport& report);

}  // namespace postern::gateway
