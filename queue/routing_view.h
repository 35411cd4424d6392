// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/retry_policy.h"
#include "routing/pipeline.h"

#include <functional>
#include <memory>
#include <string>

namespace postern::queue {

/// The config in force, as far as deliveries ask it. Keeps it alive; a value.
struct RoutingView {
  std::shared_ptr<const void> owner;
  const routing::Pipeline* pipeline = nullptr;
  RetryPolicy retry;
  std::string hostname;
};

/// Gives the view of this moment; any thread.
using RoutingSource = std::function<RoutingView()>;

}  // namespace postern::queue
