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

Segments::Usage Segments::usage() const {
  Usage usage;
  const std::scoped_lock lock(mutex_);
  for (const auto& [number, segment] : segments_) {
    usage.taken += segment.octets - std::min(segment.punched, segment.octets);
    usage.live += segment.live_octets;
  }
  return usage;
}

/// What the bodies leave that nobody needs of a segment of the process before: its frames' heads
/// are read now, when the space is wanted. Empty as long as a removal of it is not durable.
std::vector<Segments::Hole> Segments::holes_of(std::uint64_t number) {
  SegmentFile file{number, segment_path(options_.directory, number), 0};
  std::vector<std::pair<MessageId, Hole>> bodies;
  if (const auto reader = SegmentReader::open(*options_.system, file)) {
    while (const auto head = (*reader)->next()) {
      for (std::size_t i = 0; i < head->bodies.size(); ++i) {
        const SegmentPlace place = body_place(*head, i);
        bodies.push_back({
            head->bodies[i].id, {place.offset, place.octets}
        });
      }
    }
  }
  std::vector<Hole> holes;
  std::size_t live = 0;
  const std::scoped_lock lock(mutex_);
  const auto at = segments_.find(number);
  if (at == segments_.end()) return {};
  for (const auto& [id, hole] : bodies) {
    const auto known = places_.find(id.value());
    const bool is_live = known != places_.end() && known->second.segment == number;
    live += is_live;
    // The head of a torn frame tells of octets that are not there.
    if (!is_live && std::uint64_t{hole.offset} + hole.octets <= at->second.octets) {
      holes.push_back(hole);
    }
  }
  if (live != at->second.live) return {};
  at->second.has_unknown_holes = false;
  at->second.holes.clear();
  return holes;
}

std::uint64_t Segments::punch_all(std::uint64_t number, std::vector<Hole> holes) {
  const std::string path = segment_path(options_.directory, number);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return 0;  // removed meanwhile
  // Neighbours together, so that the blocks between them go too.
  std::sort(
      holes.begin(), holes.end(), [](const Hole& a, const Hole& b) { return a.offset < b.offset; });
  std::uint64_t punched = 0;
  for (std::size_t i = 0; i < holes.size() && !interrupted_;) {
    const std::uint64_t begin = holes[i].offset;
    std::uint64_t end = begin + holes[i].octets;
    for (++i; i < holes.size() && holes[i].offset == end; ++i)
      end += holes[i].octets;
    punched += punch(fd, begin, end - begin);
  }
  ::close(fd);
  return punched;
}

void Segments::reclaim(std::uint64_t slack_octets) {
  const Usage now = usage();
  if (now.taken <= 2 * now.live + slack_octets) return;
  std::vector<std::uint64_t> numbers;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [number, segment] : segments_) {
      const bool has_holes = segment.has_unknown_holes || !segment.holes.empty();
      if (segment.is_sealed && has_holes) numbers.push_back(number);
    }
  }
  for (const std::uint64_t number : numbers) {
    if (interrupted_) return;
    std::vector<Hole> holes;
    bool is_unknown = false;
    {
      const std::scoped_lock lock(mutex_);
      const auto at = segments_.find(number);
      if (at == segments_.end()) continue;
      is_unknown = at->second.has_unknown_holes;
      if (!is_unknown) holes = std::exchange(at->second.holes, {});
    }
    if (is_unknown) holes = holes_of(number);
    const std::uint64_t punched = punch_all(number, std::move(holes));
    const std::scoped_lock lock(mutex_);
    const auto at = segments_.find(number);
    if (at != segments_.end()) at->second.punched += punched;
  }
}

}  // namespace postern::spool
