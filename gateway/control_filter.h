// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/control_request.h"
#include "queue/spool/envelope.h"

#include <cstdint>
#include <string_view>
#include <vector>

// Which stored messages a request means. Pure functions.

namespace postern::gateway {

/// `*` stands for any text, also none; ASCII letters match in either case.
bool glob_matches(std::string_view pattern, std::string_view text);

QueueState state_of(const spool::Envelope& envelope);

/// The recipients that are pending and that the filter means; none: not this message.
std::vector<std::uint32_t> selected(const ControlFilter& filter,
                                    spool::MessageId id,
                                    const spool::Envelope& envelope,
                                    spool::WallTime now);

}  // namespace postern::gateway
