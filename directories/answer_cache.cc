// SPDX-License-Identifier: Apache-2.0
#include "directories/answer_cache.h"

#include <algorithm>
#include <utility>

namespace postern::directories {
namespace {

using routing::Presence;

constexpr std::size_t kShards = 16;
constexpr std::size_t kSmallShard = 256;  ///< below this, several shards would only misjudge size

}  // namespace

AnswerCache::AnswerCache(const CacheConfig& config, Now now)
    : config_(config), now_(std::move(now)) {
  const std::size_t shards = config.size >= kShards * kSmallShard ? kShards : 1;
  shard_size_ = std::max<std::size_t>(config.size / shards, 1);
  for (std::size_t i = 0; i < shards; ++i)
    shards_.push_back(std::make_unique<Shard>());
}

AnswerCache::Shard& AnswerCache::shard_of(std::string_view key) const {
  // The upper bits: the lower ones are the bucket inside the shard.
  const std::size_t hash = std::hash<std::string_view>()(key);
  return *shards_[(hash >> 48) % shards_.size()];
}

std::chrono::milliseconds AnswerCache::lifetime(Presence presence) const {
  return presence == Presence::known ? config_.known_for : config_.unknown_for;
}

std::optional<AnswerCache::Found> AnswerCache::find(std::string_view key) const {
  const Clock::time_point now = now_();
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  if (found == shard.index.end()) return std::nullopt;
  Entry& entry = shard.entries[found->second];
  const auto age = now - entry.since;
  const std::chrono::milliseconds life = lifetime(entry.presence);
  if (age >= life + config_.stale_for) return std::nullopt;
  entry.was_used = true;
  return Found{entry.presence,
               entry.evidence,
               std::chrono::duration_cast<std::chrono::seconds>(age),
               age < life};
}

void AnswerCache::put(std::string_view key, Presence presence, std::string evidence) {
  if (presence == Presence::unavailable) return;
  if (lifetime(presence) + config_.stale_for <= std::chrono::milliseconds::zero()) return;
  const Clock::time_point now = now_();
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.index.find(key);
  const bool is_new = found == shard.index.end();
  const std::size_t place = is_new ? place_for_new(shard, now) : found->second;
  Entry& entry = shard.entries[place];
  if (is_new) {
    shard.index.erase(entry.key);  // none for a place that was never taken
    entry.key = std::string(key);
    shard.index.emplace(entry.key, place);
    entry.was_used = false;
  }
  entry.evidence = std::move(evidence);
  entry.since = now;
  entry.presence = presence;
}

/// One that has had its time, or that nobody has asked for since the hand last came by.
std::size_t AnswerCache::place_for_new(Shard& shard, Clock::time_point now) const {
  if (shard.entries.size() < shard_size_) {
    shard.entries.emplace_back();
    return shard.entries.size() - 1;
  }
  for (;;) {
    const std::size_t place = shard.hand;
    shard.hand = (shard.hand + 1) % shard.entries.size();
    Entry& entry = shard.entries[place];
    const bool is_over = now - entry.since >= lifetime(entry.presence) + config_.stale_for;
    if (is_over || !std::exchange(entry.was_used, false)) return place;
  }
}

std::size_t AnswerCache::size() const {
  std::size_t out = 0;
  for (const std::unique_ptr<Shard>& shard : shards_) {
    const std::lock_guard lock(shard->mutex);
    out += shard->index.size();
  }
  return out;
}

}  // namespace postern::directories
