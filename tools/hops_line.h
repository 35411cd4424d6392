// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/commands.h"

#include <CLI/CLI.hpp>
#include <string>

namespace postern::tools {

/// `postern hops ...` on the command line: what was typed, until it is read.
class HopsLine {
 public:
  HopsLine(CLI::App& app, const std::string& default_config);
  /// After parsing.
  const HopsOptions& options() const { return options_; }

 private:
  HopsOptions options_;
};

}  // namespace postern::tools
