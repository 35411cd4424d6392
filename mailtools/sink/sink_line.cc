// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/sink_line.h"

#include <ostream>

namespace postern::sink {

SinkLine::SinkLine(CLI::App& app) {
  app.add_subcommand("sink", "a server that takes every letter, and fails as it is told");
}

int SinkLine::run(std::ostream&, std::ostream& err) const {
  err << "postern sink: not there yet\n";
  return 70;
}

}  // namespace postern::sink
