// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"

#include "gateway/config.h"
#include "tools/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

namespace postern::tools {
namespace {

using gateway::Finding;
using gateway::Severity;

std::string counted(std::size_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string summary(const std::string& config, const std::vector<Finding>& findings) {
  const auto count = [&findings](Severity severity) {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(), [severity](const Finding& f) {
          return f.severity == severity;
        }));
  };
  const std::size_t errors = count(Severity::error);
  const std::size_t warnings = count(Severity::warning);
  if (errors == 0 && warnings == 0) return config + ": sound";
  return fmt::format("{}: {}, {}", config, counted(errors, "error"), counted(warnings, "warning"));
}

}  // namespace

void print_findings(const std::vector<Finding>& findings, std::ostream& out) {
  for (const Finding& finding : findings)
    out << format_text(finding) << "\n";
}

int run_check(const CheckOptions& options, std::ostream& out, std::ostream& /*err*/) {
  gateway::LoadResult loaded =
      gateway::load_config(options.config, gateway::Environment::from_process());
  std::vector<Finding> findings = std::move(loaded.findings);
  if (loaded.config) {
    std::vector<Finding> checked = gateway::check(*loaded.config);
    findings.insert(findings.end(), checked.begin(), checked.end());
    gateway::sort_by_place(findings);
  }
  if (options.json) {
    out << gateway::format_json(findings);
  } else {
    print_findings(findings, out);
    out << summary(options.config, findings) << "\n";
  }
  return gateway::exit_status(findings);
}

}  // namespace postern::tools
