// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/sink/sink.h"

#include <string>
#include <string_view>

namespace postern::sink {

/// "127.0.0.1:2525", "[::1]:2525" or ":2525" (all IPv4 addresses). What is wrong, and what to write
/// instead. Pure.
Result<net::Endpoint, SinkError> parse_listen(std::string_view text);

}  // namespace postern::sink
