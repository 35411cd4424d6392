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
  snapshot->lists_ = options.lists ? std::move(options.lists)
                                   : std::make_shared<ListFiles>(own.routing, options.settle);
  snapshot->lists_->tell(watching.notice);
  if (auto problem = snapshot->open_directories_of_lists()) return single(std::move(*problem));
  snapshot->auth_files_ = std::make_unique<AuthFiles>(own, watching);
  routing::StageSources sources;
  sources.config = &own.routing;
  sources.directory = *recipients;
  sources.cutover = &snapshot->lists_->cutover;
  sources.waves = &snapshot->lists_->waves;
  sources.files = &snapshot->lists_->ways;
  sources.notice = watching.notice;
  Result<routing::Pipeline, std::string> pipeline =
      routing::Pipeline::build(routing::Registry::of(own.routing), sources);
  if (!pipeline) {
    return single(own.finding(Severity::error, "routing.stages", "pipeline", pipeline.error()));
  }
  snapshot->pipeline_.emplace(std::move(*pipeline));
  if (options.tls && !own.tls.certificates.empty()) {
    const TlsFiles::Options files{
        watching.notice, options.settle, watching.now, std::move(options.tickets)};
    auto opened = TlsFiles::open(own, files);
    if (!opened) {
      return single(own.finding(Severity::error,
                                "tls.certificates",
                                "certificate",
                                opened.error().file + ": " + opened.error().message));
    }
    snapshot->tls_files_ = *std::move(opened);
  }
  snapshot->notice_ = options.notice ? std::move(options.notice) : log_line;
  return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

std::optional<Finding> Snapshot::open_directories_of_lists() {
  const std::vector<routing::Domain>& domains = config_.routing.domains;
  for (std::size_t i = 0; i < domains.size(); ++i) {
    if (domains[i].cutover.empty()) continue;
    const auto left = directories_->make(domains[i].cutover, fmt::format("domain[{}].cutover", i));
    if (!left) return left.error();
    lists_->cutover.use(domains[i], **left);
  }
  const std::vector<routing::WaveConfig>& waves = config_.routing.waves;
  for (std::size_t i = 0; i < waves.size(); ++i) {
    if (!routing::directory_file(waves[i].members).empty()) continue;
    const auto members = directories_->make(waves[i].members, fmt::format("wave[{}].members", i));
    if (!members) return members.error();
    lists_->waves.use(waves[i].members, **members);
  }
  return std::nullopt;
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
  lists_->refresh();
  auth_files_->refresh();
  if (tls_files_) tls_files_->refresh();
}

}  // namespace postern::gateway
