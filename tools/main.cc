// SPDX-License-Identifier: Apache-2.0
#include "directories/ask_pool.h"
#include "gateway/callouts.h"
#include "tools/commands.h"

#include <exception>
#include <iostream>

int main(int argc, char** argv) {
  try {
    postern::gateway::install_callouts();
    const int status = postern::tools::run_command_line(
        argc, argv, postern::tools::run_serve, std::cout, std::cerr);
    postern::directories::join_leftover_threads();
    return status;
  } catch (const std::exception& error) {
    // Nothing is expected to throw up to here: a defect, or no memory.
    std::cerr << "postern: " << error.what() << "\n";
    return 70;  // EX_SOFTWARE
  }
}
