// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/gateway/config_support.h"

#include <functional>
#include <string>
#include <vector>

namespace postern::gateway {

/// A key, a line that sets it to something else than its default, and where that must arrive.
struct Effect {
  std::string key;
  std::string text;  ///< appended to kSmall, or whole when it begins with '!'
  std::function<bool(const Config&)> arrived;
};

// Of tables that a config may have several of (config_effect_tables.cc).
std::vector<Effect> wave_effects();
std::vector<Effect> directory_effects();
std::vector<Effect> ways_effects();
std::vector<Effect> policy_effects();
std::vector<Effect> tls_policy_effects();
std::vector<Effect> plugin_effects();

}  // namespace postern::gateway
