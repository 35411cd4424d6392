// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern {

/// What a server of somebody else's said, fit for one line of a log, a terminal or `explain`:
/// control characters, line ends, octets that are not UTF-8, and characters that turn the writing
/// direction become spaces; runs of spaces become one, those at both ends go. At most `limit`
/// octets, never cut within a character; "..." then tells that there was more. Pure; any thread.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace postern
