// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/load/plan.h"

#include <string>

namespace postern::load {

/// One session with the server before the load, so that what can never work is said at once. Finds
/// `plan.server`: the first address of options.server that can be used. What is wrong; "": nothing.
/// Blocks.
std::string probe(Plan& plan);

/// Room for `wanted` file descriptors: raises the soft limit to the hard one. What is in the way,
/// and what to do; "": nothing. For the whole process.
std::string make_room(std::size_t wanted);

}  // namespace postern::load
