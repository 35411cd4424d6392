// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config_values.h"
#include "tools/commands.h"

#include <CLI/CLI.hpp>
#include <string>

namespace postern::tools {

/// `postern replay ...` and `postern reload ...` on the command line: what was typed, until it is
/// read.
class ReplayLine {
 public:
  ReplayLine(CLI::App& app, const std::string& default_config);

  const ReplayOptions& replay() const { return replay_; }
  /// After parsing: what is to be done, or what is wrong, as a sentence.
  gateway::Parsed<ReloadOptions> reload() const;

 private:
  ReplayOptions replay_;
  ReloadOptions reload_;
  std::string guard_;
};

/// "5%", "0.5 %", "5": a share from 0 to 1.
gateway::Parsed<double> parse_share(const std::string& text);

}  // namespace postern::tools
