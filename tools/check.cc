// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"

#include "gateway/config.h"
#include "gateway/proof/graph.h"
#include "gateway/proof/prove.h"
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

/// What the proof went over (docs/proof.md).
std::string extent(const gateway::proof::Proof& proof) {
  return fmt::format("{} followed through {} of {}",
                     counted(proof.letters, "letter"),
                     counted(proof.domains, "domain"),
                     counted(proof.shapes, "shape"));
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

void draw(const gateway::Config& config, std::string_view format, std::ostream& out) {
  using gateway::proof::GraphFormat;
  const bool dot = format == "dot";
  const auto graph = gateway::proof::graph(config, dot ? GraphFormat::dot : GraphFormat::mermaid);
  if (graph) out << *graph;
}

}  // namespace

void print_findings(const std::vector<Finding>& findings, std::ostream& out) {
  for (const Finding& finding : findings)
    out << format_text(finding) << "\n";
}

int run_check(const CheckOptions& options, std::ostream& out, std::ostream& err) {
  gateway::LoadResult loaded =
      gateway::load_config(options.config, gateway::Environment::from_process());
  std::vector<Finding> findings = std::move(loaded.findings);
  gateway::proof::Proof proof;
  if (loaded.config) {
    const gateway::ListFiles lists(loaded.config->routing);
    std::vector<Finding> checked = gateway::check(*loaded.config, lists);
    findings.insert(findings.end(), checked.begin(), checked.end());
    proof = gateway::proof::prove(*loaded.config, &lists);
    findings.insert(findings.end(), proof.findings.begin(), proof.findings.end());
    gateway::sort_by_place(findings);
  }
  if (!options.graph.empty()) {
    print_findings(findings, err);
    if (loaded.config) draw(*loaded.config, options.graph, out);
  } else if (options.json) {
    out << gateway::format_json(findings);
  } else {
    print_findings(findings, out);
    out << summary(options.config, findings);
    if (proof.letters != 0) out << "; " << extent(proof);
    out << "\n";
  }
  return gateway::exit_status(findings);
}

}  // namespace postern::tools
