// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/disk_space.h"

#include <limits>
#include <sys/statvfs.h>
#include <utility>

namespace postern::spool {

FreeOctets free_octets_of(std::string path) {
  return [path = std::move(path)]() -> std::uint64_t {
    struct statvfs about {};
    if (::statvfs(path.c_str(), &about) != 0) return std::numeric_limits<std::uint64_t>::max();
    return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
  };
}

DiskSpace::DiskSpace(FreeOctets probe, std::uint64_t reserve, std::chrono::milliseconds interval)
    : probe_(std::move(probe)),
      reserve_(reserve),
      interval_(std::chrono::duration_cast<std::chrono::steady_clock::duration>(interval).count()) {
  free_ = probe_();
}

bool DiskSpace::has_room() {
  const std::int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  std::int64_t next = next_.load(std::memory_order_relaxed);
  // One thread asks; the others go by what is known.
  if (now >= next && next_.compare_exchange_strong(next, now + interval_)) free_ = probe_();
  return free_octets() > reserve_;
}

}  // namespace postern::spool
