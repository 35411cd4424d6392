// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/load/options.h"

#include <iosfwd>

namespace postern::load {

/// The whole command behind its options: the sink, a look at the server, the load, the figures.
/// Blocks until it is over; takes SIGINT and SIGTERM meanwhile. Figures go to `out` and the files
/// that are named, progress and what is wrong to `err`. Returns the exit status (docs/load.md). One
/// call at a time.
int run_load(const Options& options, std::ostream& out, std::ostream& err);

}  // namespace postern::load
