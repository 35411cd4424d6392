// SPDX-License-Identifier: Apache-2.0
// What operators do to a lane: many messages in one pass.
#include "queue/lane.h"

#include <algorithm>
#include <utility>

namespace postern::queue {

/// Takes these out of what waits for its time; ids ascending.
std::vector<spool::MessageId> Lane::take_later(std::span<const spool::MessageId> ids) {
  std::vector<spool::MessageId> taken;
  std::vector<Later> kept;
  for (; !later_.empty(); later_.pop()) {
    const Later& one = later_.top();
    if (std::binary_search(ids.begin(), ids.end(), one.id)) {
      taken.push_back(one.id);
    } else {
      kept.push_back(one);
    }
  }
  later_ = decltype(later_)(std::greater<>(), std::move(kept));
  return taken;
}

std::vector<spool::MessageId> Lane::retry_now(std::span<const spool::MessageId> ids) {
  std::vector<spool::MessageId> found;
  for (const spool::MessageId id : ids) {
    if (!ready_.contains(id)) continue;
    early_.insert(id);
    found.push_back(id);
  }
  for (const spool::MessageId id : take_later(ids)) {
    if (!ready_.contains(id)) found.push_back(id);
    make_ready(id);
  }
  if (!found.empty()) pause_until_ = {};
  return found;
}

void Lane::remove(std::span<const spool::MessageId> ids) {
  for (const spool::MessageId id : ids) {
    ready_.erase(id);
    early_.erase(id);
  }
  take_later(ids);
}

}  // namespace postern::queue
