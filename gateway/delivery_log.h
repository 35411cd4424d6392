// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/letter_log.h"
#include "queue/engine.h"

namespace postern::gateway {

/// Writes the letter log's line about what became of a stored message's recipient. `log` outlives
/// the engine. Any thread.
void write_delivery(const LetterLog& log, const queue::DeliveryEvent& event);

}  // namespace postern::gateway
