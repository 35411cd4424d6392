// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/metrics.h"
#include "smtp/reply.h"

#include <string_view>

namespace postern::smtp {

/// Counts a reply as "accepted", "deferred" or "refused". `family` has the label outcome alone.
inline void count_outcome(std::string_view family, const Reply& reply) {
  const std::string_view outcome = reply.is_positive()    ? "accepted"
                                   : reply.is_transient() ? "deferred"
                                                          : "refused";
  metrics::counter(family, {outcome}).add();
}

}  // namespace postern::smtp
