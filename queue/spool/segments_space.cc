// SPDX-License-Identifier: Apache-2.0
// Giving back what removed bodies have taken in segments that others still need.
#include "queue/spool/segments.h"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace postern::spool {
namespace {

constexpr std::uint64_t kFileBlock = 4096;

/// How many octets of whole blocks are now a hole; 0: none, or the file system has no such thing.
std::uint64_t punch(int fd, std::uint64_t offset, std::uint64_t octets) {
  const std::uint64_t from = (offset + kFileBlock - 1) / kFileBlock * kFileBlock;
  const std::uint64_t to = (offset + octets) / kFileBlock * kFileBlock;
  if (to <= from) return 0;
  const int made = ::fallocate(fd,
                               FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               static_cast<off_t>(from),
                               static_cast<off_t>(to - from));
  return made == 0 ? to - from : 0;
}

}  // namespace

std::uint64_t Segments::file_octets() const {
  std::uint64_t octets = 0;
  const std::scoped_lock lock(mutex_);
  for (const auto& [number, segment] : segments_)
    octets += segment.octets - segment.punched;
  return octets;
}

void Segments::reclaim(std::uint64_t slack_octets) {
  std::vector<std::pair<std::uint64_t, std::vector<Hole>>> work;
  {
    const std::scoped_lock lock(mutex_);
    std::uint64_t taken = 0;
    std::uint64_t live = 0;
    for (const auto& [number, segment] : segments_) {
      taken += segment.octets - segment.punched;
      live += segment.live_octets;
    }
    if (taken <= 2 * live + slack_octets) return;
    for (auto& [number, segment] : segments_) {
      if (!segment.is_sealed || segment.holes.empty()) continue;
      work.emplace_back(number, std::exchange(segment.holes, {}));
    }
  }
  for (auto& [number, holes] : work) {
    const std::string path = segment_path(options_.directory, number);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) continue;  // removed meanwhile
    // Neighbours together, so that the blocks between them go too.
    std::sort(holes.begin(), holes.end(), [](const Hole& a, const Hole& b) {
      return a.offset < b.offset;
    });
    std::uint64_t punched = 0;
    for (std::size_t i = 0; i < holes.size();) {
      const std::uint64_t begin = holes[i].offset;
      std::uint64_t end = begin + holes[i].octets;
      for (++i; i < holes.size() && holes[i].offset == end; ++i)
        end += holes[i].octets;
      punched += punch(fd, begin, end - begin);
    }
    ::close(fd);
    const std::scoped_lock lock(mutex_);
    const auto at = segments_.find(number);
    if (at != segments_.end()) at->second.punched += punched;
  }
}

}  // namespace postern::spool
