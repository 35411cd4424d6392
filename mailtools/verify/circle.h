// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"

#include <string>
#include <string_view>

// Private to mailtools/verify: header fields of letters that look as if they had circled (R13).

namespace postern::verify {

/// Does the gateway judge by them?
bool guards_loops(const gateway::Config& config);

struct CircleTrace {
  std::string field;    ///< with CRLF; empty: none can be made
  std::string skipped;  ///< why, one sentence
};

/// The Postern-Trace field with which the gateway would have let a letter to `recipient` out on the
/// last pass that it allows. It tells passes by the mailbox that `[[rewrite]]` leads to, whose
/// files are read for that.
CircleTrace trace_of_circle(const gateway::Config& config, std::string_view recipient);

/// So many Received fields, with CRLF, of servers that do not exist (RFC 2606: .invalid). Pure.
std::string received_of_circle(unsigned hops);

}  // namespace postern::verify
