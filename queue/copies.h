// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/message.h"
#include "routing/config.h"
#include "routing/verdict.h"

#include <cstddef>
#include <string_view>

namespace postern::queue {

/// Where copy `index` of a stored message goes, when the stages now say `decision` about the
/// recipient that it was made for. The stages' own copy of that kind where they still ask for one.
/// Where they do not, the copy stays on its way, since the message was accepted with it: except
/// that a mailbox in two places which has become one in the other place needs it no more, and that
/// a next hop which is gone from the config takes nothing. Pure, any thread.
routing::Decision decision_for_copy(const spool::Message& message,
                                    std::size_t index,
                                    routing::Decision decision,
                                    const routing::Config& config);

}  // namespace postern::queue
