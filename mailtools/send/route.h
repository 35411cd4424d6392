// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postern::send {

/// The hosts that take mail for `domain` by DNS (RFC 5321 section 5.1), in the order in which to
/// try them, each once; an address literal is itself. Otherwise one sentence: why there is none.
/// Blocks.
Result<std::vector<std::string>, std::string> mail_hosts(const std::string& domain);

}  // namespace postern::send
