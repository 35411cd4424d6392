// SPDX-License-Identifier: Apache-2.0
#include "directories/breaker.h"

#include <algorithm>

namespace postern::directories {

std::int64_t Breaker::now() const {
  // Never kClosed, whatever the clock begins with.
  return std::chrono::nanoseconds(options_.now().time_since_epoch()).count() + 1;
}

bool Breaker::is_open() const {
  const std::int64_t until = until_.load(std::memory_order_acquire);
  return until != kClosed && now() < until;
}

bool Breaker::admit() {
  if (until_.load(std::memory_order_acquire) == kClosed) return true;
  const std::lock_guard lock(mutex_);
  const std::int64_t until = until_.load(std::memory_order_relaxed);
  if (until == kClosed) return true;
  if (now() < until || probing_) return false;
  probing_ = true;
  return true;
}

void Breaker::succeeded() {
  const std::lock_guard lock(mutex_);
  in_a_row_ = 0;
  pause_ = {};
  probing_ = false;
  until_.store(kClosed, std::memory_order_release);
}

void Breaker::failed(bool slow) {
  const std::lock_guard lock(mutex_);
  if (until_.load(std::memory_order_relaxed) != kClosed) {
    // Questions that were under way when it opened say nothing new.
    if (probing_) open();
    return;
  }
  if (!slow) return;
  if (++in_a_row_ >= options_.failures) open();
}

void Breaker::open() {
  pause_ = pause_ == std::chrono::milliseconds::zero()
               ? options_.first_pause
               : std::min(pause_ * 2, options_.longest_pause);
  probing_ = false;
  until_.store(now() + std::chrono::nanoseconds(pause_).count(), std::memory_order_release);
}

std::chrono::milliseconds Breaker::pause() const {
  const std::int64_t until = until_.load(std::memory_order_acquire);
  const std::int64_t left = until == kClosed ? 0 : std::max<std::int64_t>(until - now(), 0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds(left));
}

}  // namespace postern::directories
