// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace postern::gateway {

/// Lets this process ask mailbox servers (`smtp:`): adds to makers_of_process(). Called by main(),
/// before it starts anything.
void install_callouts();

}  // namespace postern::gateway
