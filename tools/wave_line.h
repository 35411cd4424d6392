// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config_values.h"
#include "tools/commands.h"

#include <CLI/CLI.hpp>
#include <string>

namespace postern::tools {

/// `postern wave ...` on the command line: what was typed, until it is read.
class WaveLine {
 public:
  WaveLine(CLI::App& app, const std::string& default_config);

  /// After parsing: what is to be done, or what is wrong, as a sentence.
  gateway::Parsed<WaveOptions> options() const;

 private:
  CLI::App* add(const std::string& name, const std::string& what);

  CLI::App* wave_;
  WaveOptions typed_;
  std::string state_;
};

}  // namespace postern::tools
