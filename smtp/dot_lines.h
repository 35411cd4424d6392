// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace postern::smtp {

/// Where the first dot is that stands right behind an LF, at `from` or later; npos: nowhere. What
/// both directions of DATA's transparency look for (RFC 5321 4.5.2), many octets a step: the
/// library's find() for so short a needle begins anew at each line.
std::size_t find_dot_line(std::string_view octets, std::size_t from = 0);

}  // namespace postern::smtp
