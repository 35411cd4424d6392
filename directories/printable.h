// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::directories {

/// What a server said, fit for one line of a log, a reason or a reply: control characters (also C1,
/// and the marks that turn the direction of text) and octets that are no UTF-8 become `?`, white
/// space becomes one space, NUL nothing, and what is longer than `limit` octets ends in "...". Any
/// thread.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace postern::directories
