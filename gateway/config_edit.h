// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config_values.h"
#include "routing/wave_config.h"

#include <string>
#include <string_view>

namespace postern::gateway {

/// The text of a config file in which the wave `name` has this state, everything else being as it
/// was to the octet: comments, order, quotes, line ends. The value is replaced where it stands; a
/// wave that has none gets a line below its name (a member behind it, in an inline table).
/// A mistake: no TOML, no such wave or two of them, or a file in which the change cannot be made
/// in place; the result is read again, and is what was asked for and no more. A pure function.
Parsed<std::string> with_wave_state(std::string_view text,
                                    const std::string& name,
                                    routing::WaveState state);

}  // namespace postern::gateway
