// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/verify_line.h"

#include <ostream>

namespace postern::verify {

VerifyLine::VerifyLine(CLI::App& app) {
  app.add_subcommand(
      "verify",
      "does mail flow as the migration guide has it? letters and probes against the live systems");
}

int VerifyLine::run(std::ostream&, std::ostream& err) const {
  err << "postern verify: not there yet\n";
  return 70;
}

}  // namespace postern::verify
