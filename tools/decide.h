// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"
#include "routing/pipeline.h"

namespace postern::tools {

/// What the stages say, for a command that has no event loop of its own: waits for directories that
/// have to be asked. `request` as in Pipeline::decide.
routing::Decision decide(const routing::Pipeline& pipeline, const routing::Request& request);

/// What a directory says, for the same kind of command.
routing::DirectoryAnswer look_up(const routing::Directory& directory, const smtp::Mailbox& mailbox);

}  // namespace postern::tools
