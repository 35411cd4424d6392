// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern {

/// RFC 4648 section 4, with padding, without line ends. Pure; any thread.
std::string to_base64(std::string_view octets);

/// nullopt: a character outside of the alphabet, padding that is missing, too much or in the
/// middle, or bits behind the last octet that are not zero. One text for each value, so that
/// nothing can be hidden in a spelling (RFC 4648 section 12).
std::optional<std::string> from_base64(std::string_view text);

}  // namespace postern
