// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace postern::queue {

/// When a message that was deferred is tried again, and how long: the config's [retry]. A value.
struct RetryPolicy {
  std::chrono::seconds first{60};             ///< the first pause; each one doubles
  std::chrono::seconds max{1800};             ///< up to this
  std::chrono::seconds lifetime{5 * 86400};   ///< then a bounce (RFC 5321 4.5.4.1: 4 to 5 days)
  std::chrono::seconds warn_after{4 * 3600};  ///< then one delay warning; 0: none

  /// The pause behind the `failures`-th failure in a row (1 is the first). `random` from [0, 1)
  /// moves it by up to 15 % either way, so that what failed together does not come back together.
  std::chrono::microseconds pause(unsigned failures, double random) const;
};

}  // namespace postern::queue
