// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/verify/verify_run.h"

#include <CLI/CLI.hpp>
#include <iosfwd>
#include <string>

namespace postern::verify {

/// `postern verify`: the guide's check of the flow against live systems; its command line. One
/// thread. Lives as long as `app`.
class VerifyLine {
 public:
  explicit VerifyLine(CLI::App& app);
  /// After parsing, where the command was chosen: does it, and returns the process's exit status.
  int run(std::ostream& out, std::ostream& err) const;

 private:
  VerifyOptions options_;
  std::string wait_ = "120s";
  std::string settle_ = "5s";
  std::string only_;
  bool example_ = false;
};

}  // namespace postern::verify
