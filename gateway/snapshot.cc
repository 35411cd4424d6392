// SPDX-License-Identifier: Apache-2.0
#include "gateway/snapshot.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>

#include <array>

namespace postern::gateway {
namespace {

std::vector<Finding> single(Finding finding) {
  std::vector<Finding> out;
  out.push_back(std::move(finding));
  return out;
}

std::string random_key() {
  std::array<unsigned char, 32> octets{};
  // Without random numbers no TLS works either; the pipeline refuses the empty key.
  if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1) return {};
  return {octets.begin(), octets.end()};
}

void log_line(const std::string& line) {
  spdlog::info("{}", line);
}

}  // namespace

Result<std::shared_ptr<const Snapshot>, std::vector<Finding>> Snapshot::build(Config config) {
  return build(std::move(config), Options());
}

Result<std::shared_ptr<const Snapshot>, std::vector<Finding>> Snapshot::build(Config config,
                                                                              Options options) {
  std::shared_ptr<Snapshot> snapshot(new Snapshot(std::move(config)));
  Config& own = snapshot->config_;
  if (own.routing.routing.trace_key.empty()) own.routing.routing.trace_key = random_key();
  routing::WatchedTable::Options watching;
  watching.settle = options.settle;
  watching.notice = [raw = snapshot.get()](const std::string& line) { raw->tell(line); };
  snapshot->directories_ = std::make_unique<Directories>(own, std::move(options.makers), watching);
  const auto recipients = snapshot->directories_->recipients();
  if (!recipients) return single(recipients.error());
  snapshot->cutover_ = std::make_unique<routing::CutoverLists>(own.routing, watching);
  snapshot->way_files_ = std::make_unique<routing::WayFiles>(own.routing, watching);
  snapshot->waves_ = std::make_unique<routing::Waves>(own.routing, watching);
  for (std::size_t i = 0; i < own.routing.domains.size(); ++i) {
    const routing::Domain& domain = own.routing.domains[i];
    if (domain.cutover.empty()) continue;
    const auto left =
        snapshot->directories_->make(domain.cutover, fmt::format("domain[{}].cutover", i));
    if (!left) return single(left.error());
    snapshot->cutover_->use(domain, **left);
  }
  routing::StageSources sources;
  sources.config = &own.routing;
  sources.directory = *recipients;
  sources.cutover = snapshot->cutover_.get();
  sources.waves = snapshot->waves_.get();
  sources.files = snapshot->way_files_.get();
  Result<routing::Pipeline, std::string> pipeline =
      routing::Pipeline::build(routing::Registry::builtin(), sources);
  if (!pipeline) {
    return single(own.finding(Severity::error, "routing.stages", "pipeline", pipeline.error()));
  }
  snapshot->pipeline_.emplace(std::move(*pipeline));
  if (options.tls && !own.tls.certificates.empty()) {
    auto context = tls::Context::server(own.tls.certificates);
    if (!context) {
      return single(own.finding(Severity::error,
                                "tls.certificates",
                                "certificate",
                                context.error().file + ": " + context.error().message));
    }
    snapshot->tls_ = *context;
  }
  snapshot->notice_ = options.notice ? std::move(options.notice) : log_line;
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

void Snapshot::tell(const std::string& line) {
  if (notice_) {
    notice_(line);
  } else {
    notes_.push_back(line);
  }
}

void Snapshot::refresh_files() const {
  directories_->refresh();
  cutover_->refresh();
  waves_->refresh();
  way_files_->refresh();
}

}  // namespace postern::gateway
