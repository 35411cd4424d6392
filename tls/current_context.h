// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls/context.h"

#include <memory>
#include <mutex>
#include <utility>

namespace postern::tls {

/// The context that handshakes begin with now; certificates that were renewed swap it. A session
/// keeps the one of its handshake. Any thread.
class CurrentContext {
 public:
  explicit CurrentContext(std::shared_ptr<const Context> first) : context_(std::move(first)) {}
  CurrentContext(CurrentContext&&) = delete;

  std::shared_ptr<const Context> get() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }
  void set(std::shared_ptr<const Context> next) {
    // The one of before is freed outside the lock.
    const std::lock_guard lock(mutex_);
    context_.swap(next);
  }

 private:
  mutable std::mutex mutex_;  ///< held for a pointer copy
  std::shared_ptr<const Context> context_;
};

}  // namespace postern::tls
