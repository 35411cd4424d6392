// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <iosfwd>

namespace postern::verify {

/// `postern verify`: the guide's check of the flow against live systems; its command line. One
/// thread. Lives as long as `app`.
class VerifyLine {
 public:
  explicit VerifyLine(CLI::App& app);
  /// After parsing, where the command was chosen: does it, and returns the process's exit status.
  int run(std::ostream& out, std::ostream& err) const;
};

}  // namespace postern::verify
