// SPDX-License-Identifier: Apache-2.0
#include "gateway/memory_report.h"

#include "base/metrics.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace postern::gateway {

MemoryReport memory_report(const spool::Spool& spool, std::size_t letters) {
  return {process_memory(), spool.memory_use(letters)};
}

std::uint64_t other_octets(const MemoryReport& report) {
  const spool::MemoryUse& spool = report.spool;
  const std::uint64_t known = spool.store.memtables + spool.store.cache + spool.store.tables +
                              spool.bodies + spool.letters_octets;
  // The parts are looked at one after the other.
  const std::uint64_t all = report.process.allocated;
  return all > known ? all - known : 0;
}

nlohmann::ordered_json json_of(const MemoryReport& report) {
  const spool::MemoryUse& spool = report.spool;
  return {
      {"resident",          report.process.resident    },
      {"allocated",         report.process.allocated   },
      {"unused",            report.process.unused      },
      {"memtables",         spool.store.memtables      },
      {"memtables_limit",   spool.store.memtables_limit},
      {"block_cache",       spool.store.cache          },
      {"block_cache_limit", spool.store.cache_limit    },
      {"bodies",            spool.bodies               },
      {"letters",           spool.letters_octets       },
      {"letters_count",     spool.letters              },
      {"tables",            spool.store.tables         },
      {"other",             other_octets(report)       }
  };
}

void show_in_metrics(const MemoryReport& report) {
  const spool::MemoryUse& spool = report.spool;
  metrics::gauge("postern_memory_resident_octets")
      .set(static_cast<double>(report.process.resident));
  const std::pair<std::string_view, std::uint64_t> parts[] = {
      {"memtables",   spool.store.memtables},
      {"block_cache", spool.store.cache    },
      {"bodies",      spool.bodies         },
      {"letters",     spool.letters_octets },
      {"tables",      spool.store.tables   },
      {"other",       other_octets(report) },
      {"unused",      report.process.unused}
  };
  for (const auto& [part, octets] : parts)
    metrics::gauge("postern_memory_octets", {part}).set(static_cast<double>(octets));
}

}  // namespace postern::gateway
