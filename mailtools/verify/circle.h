// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"

#include <string>
#include <string_view>

// Private to mailtools/verify: header fields of letters that look as if they had circled (R13).
// Pure.

namespace postern::verify {

/// Does the gateway judge by them?
bool guards_loops(const gateway::Config& config);

/// The Postern-Trace field with which the gateway would have let a letter to `recipient`, of the
/// main domain `domain` or an alias of it, out on the last pass that it allows; with CRLF. Empty:
/// the config has no trace key.
std::string trace_of_circle(const gateway::Config& config,
                            std::string_view domain,
                            std::string_view recipient);

/// So many Received fields, with CRLF, of servers that do not exist (RFC 2606: .invalid).
std::string received_of_circle(unsigned hops);

}  // namespace postern::verify
