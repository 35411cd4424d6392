// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/verdict.h"

namespace postern::routing {

/// R13: trace fields go to X and V only, and only X and V bring mail back.
bool is_traced(const Target& target);

}  // namespace postern::routing
