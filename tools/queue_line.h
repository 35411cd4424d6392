// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config_values.h"
#include "tools/commands.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

namespace postern::tools {

/// `postern queue ...` on the command line: what was typed, until it is read.
class QueueLine {
 public:
  QueueLine(CLI::App& app, const std::string& default_config);

  /// After parsing: what is to be done, or what is wrong, as a sentence.
  gateway::Parsed<QueueOptions> options() const;

 private:
  struct Typed {
    std::vector<std::string> ids;
    std::string hop;
    std::optional<std::string> sender;
    std::optional<std::string> recipient;
    std::string older;
    std::string state;
    bool all = false;
    bool dry_run = false;
    bool yes = false;
    bool body = false;
    bool json = false;
  };

  CLI::App* add(gateway::ControlCommand command, const std::string& what);
  void add_filters(CLI::App& command);
  void add_change(gateway::ControlCommand command, const std::string& what);

  CLI::App* queue_;
  std::string config_;
  Typed typed_;
};

}  // namespace postern::tools
