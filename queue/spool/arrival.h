// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace postern::spool {

/// Counts one message among those that are being received, as long as it is there: a group may
/// wait for it. Of one thread; the counter is shared, and outlives it.
class Arrival {
 public:
  Arrival() = default;
  explicit Arrival(std::atomic<std::size_t>& under_way) : under_way_(&under_way) {
    under_way.fetch_add(1, std::memory_order_relaxed);
  }
  ~Arrival() { end(); }
  Arrival(Arrival&& other) noexcept : under_way_(std::exchange(other.under_way_, nullptr)) {}
  Arrival& operator=(Arrival&& other) noexcept {
    std::swap(under_way_, other.under_way_);
    return *this;
  }

  void end() {
    if (under_way_ != nullptr) under_way_->fetch_sub(1, std::memory_order_relaxed);
    under_way_ = nullptr;
  }

 private:
  std::atomic<std::size_t>* under_way_ = nullptr;
};

}  // namespace postern::spool
