// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::dns {

/// `domain` as it is asked for: A-labels (RFC 5890), lower case, no trailing dot, at most 253
/// octets (RFC 1035 section 2.3.4 in text form), labels of letters, digits, '-' and '_'. nullopt:
/// no such name can be asked for. Any thread.
std::optional<std::string> query_name(std::string_view domain);

}  // namespace postern::dns
