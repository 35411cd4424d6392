// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <iosfwd>

namespace postern::sink {

/// `postern sink`: a server that takes every letter; its command line. One thread. Lives as long as
/// `app`.
class SinkLine {
 public:
  explicit SinkLine(CLI::App& app);
  /// After parsing, where the command was chosen: does it, and returns the process's exit status.
  int run(std::ostream& out, std::ostream& err) const;
};

}  // namespace postern::sink
