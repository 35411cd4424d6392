// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/pipeline.h"

namespace postern::tools {

/// What the stages say, for a command that has no event loop of its own: waits for directories that
/// have to be asked. `request` as in Pipeline::decide.
routing::Decision decide(const routing::Pipeline& pipeline, const routing::Request& request);

}  // namespace postern::tools
