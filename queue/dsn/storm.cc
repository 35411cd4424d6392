// SPDX-License-Identifier: Apache-2.0
#include "queue/dsn/storm.h"

#include "smtp/address.h"

#include <algorithm>
#include <utility>

namespace postern::dsn {
namespace {

constexpr std::chrono::seconds kSweepEvery{1};
constexpr std::chrono::seconds kTellEvery{10};

}  // namespace

StormGuard::StormGuard(unsigned per_minute, std::size_t most_senders)
    : most_senders_(most_senders) {
  set_per_minute(per_minute);
}

void StormGuard::set_per_minute(unsigned per_minute) {
  const std::lock_guard lock(mutex_);
  per_minute_ = per_minute;
  if (per_minute_ != 0) interval_ = Clock::duration(std::chrono::minutes(1)) / per_minute_;
}

std::size_t StormGuard::senders() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

bool StormGuard::admit(std::string_view sender, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = bucket_of(sender, now);
  const Clock::time_point full_at = std::max(bucket.full_at, now) + interval_;
  if (per_minute_ == 0 || full_at - now > interval_ * per_minute_) {
    ++bucket.held_back;
    return false;
  }
  bucket.full_at = full_at;
  return true;
}

std::vector<StormGuard::HeldBack> StormGuard::take_held_back(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  std::vector<HeldBack> out;
  if (now < next_telling_) return out;
  for (auto& [sender, bucket] : buckets_) {
    if (bucket.held_back != 0) out.push_back({sender, bucket.held_back});
    bucket.held_back = 0;
  }
  if (shared_.held_back != 0) out.push_back({"", shared_.held_back});
  shared_.held_back = 0;
  if (!out.empty()) next_telling_ = now + kTellEvery;
  return out;
}

StormGuard::Bucket& StormGuard::bucket_of(std::string_view sender, Clock::time_point now) {
  std::string key = smtp::ascii_lower(sender);
  const auto found = buckets_.find(key);
  if (found != buckets_.end()) return found->second;
  if (buckets_.size() >= most_senders_) sweep(now);
  if (buckets_.size() >= most_senders_) return shared_;
  return buckets_.emplace(std::move(key), Bucket{now, 0}).first->second;
}

void StormGuard::sweep(Clock::time_point now) {
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweepEvery;
  std::erase_if(buckets_, [this, now](const auto& entry) {
    const Bucket& bucket = entry.second;
    if (bucket.full_at > now) return false;
    shared_.held_back += bucket.held_back;
    return true;
  });
}

}  // namespace postern::dsn
