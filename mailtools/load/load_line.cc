// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/load_line.h"

#include <ostream>

namespace postern::load {

LoadLine::LoadLine(CLI::App& app) {
  app.add_subcommand("load", "letters at a rate or by a number of sessions, and what they took");
}

int LoadLine::run(std::ostream&, std::ostream& err) const {
  err << "postern load: not there yet\n";
  return 70;
}

}  // namespace postern::load
