// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/load/options.h"

#include <CLI/CLI.hpp>
#include <iosfwd>

namespace postern::load {

/// `postern load`: how many letters a server takes, and how long each waits; its command line. One
/// thread. Lives as long as `app`, which keeps pointers into it.
class LoadLine {
 public:
  explicit LoadLine(CLI::App& app);
  LoadLine(LoadLine&&) = delete;
  /// After parsing, where the command was chosen: does it, and returns the process's exit status.
  int run(std::ostream& out, std::ostream& err) const;

 private:
  void add_pace(CLI::App& command);
  void add_letters(CLI::App& command);
  void add_connection(CLI::App& command);
  void add_figures(CLI::App& command);

  Typed typed_;
};

}  // namespace postern::load
