// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/arrived.h"

#include "mailtools/load/contents.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace postern::load {
namespace {

/// Copies of letters beyond this number are not recognised: 125 MB are enough.
constexpr std::uint64_t kMostSeen = 1'000'000'000;

}  // namespace

Arrived::Arrived(std::string run) : run_(std::move(run)) {}

bool Arrived::taken(const sink::Taken& letter) {
  count(letter.head, letter.recipients.size(), letter.moment);
  return true;
}

void Arrived::count(std::string_view head, std::uint64_t recipients, net::TimePoint moment) {
  const std::optional<Mark> mark = find_mark(head);
  const std::lock_guard lock(mutex_);
  ++total_;
  if (!mark || mark->run != run_) {
    ++deliveries_.strangers;
    return;
  }
  if (!mark->counted) return;
  bool is_first = true;
  if (mark->number < kMostSeen) {
    const std::size_t number = static_cast<std::size_t>(mark->number);
    if (seen_.size() <= number) seen_.resize(std::max(number + 1, 2 * seen_.size()));
    is_first = !seen_[number];
    seen_[number] = true;
  }
  ++(is_first ? deliveries_.letters : deliveries_.copies);
  deliveries_.recipients += recipients;
  deliveries_.end_to_end.record(moment - mark->due);
  deliveries_.last = std::max(deliveries_.last, moment);
}

std::uint64_t Arrived::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

Deliveries Arrived::deliveries() const {
  const std::lock_guard lock(mutex_);
  return deliveries_;
}

}  // namespace postern::load
