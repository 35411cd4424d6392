// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/replay.h"

#include <nlohmann/json_fwd.hpp>
#include <string>

// A replay's report as people and programs read it. Pure functions.

namespace postern::gateway {

/// "412 recipients: exchange -> vk, because cutover (...)" with examples, for each group; then the
/// totals. Control characters are escaped. Ends with a newline.
std::string format_text(const ReplayReport& report);
/// The same parts; an interface that does not change.
nlohmann::ordered_json to_json(const ReplayReport& report);
/// "4.2%": rounded away from 0 and 100 %.
std::string percent(double share);

}  // namespace postern::gateway
