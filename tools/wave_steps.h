// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/wave_config.h"

#include <optional>
#include <string>

namespace postern::tools {

/// Why a step from one state to another is not one of a migration; nullopt: it is. The usual way:
/// planned, dual, cutover; from cutover back to rolled_back; from there dual again, or planned.
std::optional<std::string> doubt_about_step(routing::WaveState from, routing::WaveState to);

}  // namespace postern::tools
