// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/request.h"
#include "routing/verdict.h"

#include <string>

namespace postern::routing {

/// For people: what was asked, one line a stage, the decision. Ends with a newline.
std::string explain_text(const Request& request, const Decision& decision);

/// For programs, an interface that does not change: {"recipient","decision","next_hop","hosts",
/// "recipient_out","reply","trace":[{"stage","verdict","reason"}],"copies":[{"kind","next_hop",
/// "hosts","recipient_out","stage","reason"}]}; keys that do not apply are
/// null. Indented, ends with a newline.
std::string explain_json(const Request& request, const Decision& decision);

}  // namespace postern::routing
