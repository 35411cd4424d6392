// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/dsn/octets.h"
#include "queue/dsn/report.h"

#include <string>
#include <string_view>

namespace postern::dsn {

/// What the third part of a report holds.
enum class Returned : std::uint8_t { header, message };

/// The subject of a report: its gravest action.
std::string_view subject(const Facts& facts);

/// The first part: what happened, to whom, what the server said, and what can be done. In English,
/// for the sender; lines for administrators name stage, reason, next hop and host.
std::string readable_text(const Facts& facts, Returned returned, Charset charset);

}  // namespace postern::dsn
