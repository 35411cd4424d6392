// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/commands.h"

#include <CLI/CLI.hpp>
#include <string>

namespace postern::tools {

/// `postern tls-report ...` on the command line: what was typed, until it is read.
class TlsReportLine {
 public:
  TlsReportLine(CLI::App& app, const std::string& default_config);
  /// After parsing.
  const TlsReportOptions& options() const { return options_; }

 private:
  TlsReportOptions options_;
};

}  // namespace postern::tools
