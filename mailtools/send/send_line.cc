// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/send_line.h"

#include <ostream>

namespace postern::send {

SendLine::SendLine(CLI::App& app) {
  app.add_subcommand("send", "one letter to a server, and the dialogue with it, as swaks does");
}

int SendLine::run(std::ostream&, std::ostream& err) const {
  err << "postern send: not there yet\n";
  return 70;
}

}  // namespace postern::send
