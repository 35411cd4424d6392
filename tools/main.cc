// SPDX-License-Identifier: Apache-2.0
#include "tools/commands.h"

#include <exception>
#include <iostream>

int main(int argc, char** argv) {
  try {
    return postern::tools::run_command_line(
        argc, argv, postern::tools::run_serve, std::cout, std::cerr);
  } catch (const std::exception& error) {
    // Nothing is expected to throw up to here: a defect, or no memory.
    std::cerr << "postern: " << error.what() << "\n";
    return 70;  // EX_SOFTWARE
  }
}
