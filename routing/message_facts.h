// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/request.h"

#include <cstddef>
#include <string_view>

namespace postern::routing {

/// Trace fields that are looked at, the topmost (newest) ones: two passes of a thousand recipients.
inline constexpr std::size_t kMaxTraceFields = 2048;

/// R13: what a header block tells (RFC 5322 2.2: names without case, folded lines unfolded by the
/// reader of the body). Stops at the empty line or the end. The views point into `header`.
MessageFacts scan_header(std::string_view header);

/// Fills in the digests. scan_header has done so where there are trace fields, among which there
/// may be a token; whoever makes tokens asks for it.
void identify(MessageFacts& facts);

}  // namespace postern::routing
