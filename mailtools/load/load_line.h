// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <iosfwd>

namespace postern::load {

/// `postern load`: how many letters a server takes, and how long each waits; its command line. One
/// thread. Lives as long as `app`.
class LoadLine {
 public:
  explicit LoadLine(CLI::App& app);
  /// After parsing, where the command was chosen: does it, and returns the process's exit status.
  int run(std::ostream& out, std::ostream& err) const;
};

}  // namespace postern::load
