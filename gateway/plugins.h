// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"

#include <vector>

namespace postern::gateway {

/// Loads the shared objects of `[[plugin]]`, makes each stage once to see whether it can be, and
/// puts them into `config.routing.more_stages`; judges the names in `routing.stages` then, which
/// parse_config has left. What is wrong joins `findings`. Runs the plug-ins' code. Nothing is ever
/// unloaded: verdicts, and objects with a plug-in's virtual functions, outlive their config.
void load_plugins(Config& config, std::vector<Finding>& findings);

}  // namespace postern::gateway
