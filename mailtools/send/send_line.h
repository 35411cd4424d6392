// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <iosfwd>

namespace postern::send {

/// `postern send`: one letter, or several, to a server that is looked at meanwhile; its command
/// line. One thread. Lives as long as `app`.
class SendLine {
 public:
  explicit SendLine(CLI::App& app);
  /// After parsing, where the command was chosen: does it, and returns the process's exit status.
  int run(std::ostream& out, std::ostream& err) const;
};

}  // namespace postern::send
