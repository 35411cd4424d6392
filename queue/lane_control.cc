// SPDX-License-Identifier: Apache-2.0
// What goes past a lane's order: what operators do to it, many messages in one pass, and messages
// that are tried beside a broken circuit.
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
  for (const spool::MessageId id : ids)
    forget(id);
  take_later(ids);
}

void Lane::forget(spool::MessageId id) {
  ready_.erase(id);
  early_.erase(id);
  beside_.erase(id);
}

void Lane::try_beside(spool::MessageId id) {
  if (is_broken() && ready_.contains(id)) beside_.insert(id);
}

std::optional<spool::MessageId> Lane::next_beside(Time now) {
  // With a whole circuit they wait like all others.
  if (!is_broken()) beside_.clear();
  if (beside_.empty() || beside_runs_ || !has_token(now)) return std::nullopt;
  const spool::MessageId id = *beside_.begin();
  forget(id);
  take_token(now);
  beside_runs_ = true;
  return id;
}

void Lane::finished_beside(LaneOutcome outcome) {
  beside_runs_ = false;
  if (outcome == LaneOutcome::success) recover();
}

}  // namespace postern::queue
