// SPDX-License-Identifier: Apache-2.0
#include "gateway/replay.h"

#include "gateway/check.h"
#include "gateway/config.h"
#include "gateway/record_files.h"
#include "gateway/replay_report.h"
#include "gateway/resolve_sources.h"
#include "gateway/snapshot.h"
#include "tools/commands.h"

#include <nlohmann/json.hpp>
#include <ostream>

namespace postern::tools {
namespace {

using gateway::Finding;
using gateway::Snapshot;

constexpr int kChanges = 1;
constexpr int kError = 2;

/// A config as `serve` would take it, but for its certificates; null: it is wrong, and `err` says
/// how. Warnings are `check`'s to tell.
std::shared_ptr<const Snapshot> load(const std::string& path, std::ostream& err) {
  gateway::LoadResult loaded = gateway::load_config(path, gateway::Environment::from_process());
  std::vector<Finding> findings = std::move(loaded.findings);
  Snapshot::Options options;
  if (loaded.config) {
    options.lists = std::make_shared<gateway::ListFiles>(loaded.config->routing);
    for (Finding& finding : gateway::check(*loaded.config, *options.lists))
      findings.push_back(std::move(finding));
  }
  std::erase_if(findings, [](const Finding& f) { return f.severity != gateway::Severity::error; });
  print_findings(findings, err);
  if (!findings.empty() || !loaded.config) return nullptr;
  print_findings(gateway::resolve_sources(*loaded.config, {}), err);
  options.tls = false;
  options.notice = [](const std::string&) {};
  auto snapshot = Snapshot::build(std::move(*loaded.config), std::move(options));
  if (snapshot) return *snapshot;
  print_findings(snapshot.error(), err);
  return nullptr;
}

std::string records_of(const ReplayOptions& options, const gateway::Config& config) {
  if (!options.records.empty()) return options.records;
  return gateway::records_path(options.data_dir.empty() ? config.data_dir : options.data_dir);
}

}  // namespace

int run_replay(const ReplayOptions& options, std::ostream& out, std::ostream& err) {
  const std::shared_ptr<const Snapshot> next = load(options.config, err);
  if (!next) return kError;
  std::shared_ptr<const Snapshot> against;
  if (!options.against.empty()) {
    against = load(options.against, err);
    if (!against) return kError;
  }
  gateway::Replay replay(*next, against.get());
  const auto read = gateway::read_records(records_of(options, next->config()),
                                          options.limit,
                                          [&replay](const gateway::RecordedEnvelope& envelope) {
                                            replay.add(envelope);
                                            return true;
                                          });
  if (!read) {
    err << "postern replay: " << read.error() << "\n";
    return kError;
  }
  gateway::ReplayReport report = replay.finish();
  report.damaged = read->damaged;
  if (options.json) {
    using Json = nlohmann::ordered_json;
    out << gateway::to_json(report).dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    out << gateway::format_text(report);
  }
  return report.changed + report.deferred > 0 ? kChanges : 0;
}

}  // namespace postern::tools
