// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>

namespace postern::send {

enum class NoPassword : std::uint8_t { no_terminal, cancelled, empty };

/// Asks on the terminal, without echo, until the line ends. Ctrl-C cancels and raises no signal:
/// the terminal has its echo again whatever happens. Blocks.
Result<std::string, NoPassword> ask_password(const std::string& user);

}  // namespace postern::send
