// SPDX-License-Identifier: Apache-2.0
// What runs beside the workers: recorded envelopes, MTA-STS policies, TLS reports.
#include "gateway/server.h"
#include "routing/own_identity.h"

#include <spdlog/spdlog.h>

#include <random>
#include <utility>

namespace postern::gateway {
namespace {

/// Reports leave within four hours behind the day's end, so that receivers do not get all of a
/// day's at midnight (RFC 8460 section 4.1).
std::chrono::seconds delay_of_reports() {
  constexpr unsigned kMost = 4 * 3600;
  std::random_device random;
  return std::chrono::seconds(std::uniform_int_distribution<unsigned>(0, kMost)(random));
}

}  // namespace

/// Behind open_spool(). Mail goes on without records.
void Server::open_recorder() {
  if (options_.records.empty()) return;
  EnvelopeRecorder::Options options;
  options.folder = options_.records;
  options.envelopes = runtime()->config().record.envelopes;
  options.on_trouble = [](const std::string& what) { spdlog::warn("record: {}", what); };
  auto opened = EnvelopeRecorder::open(std::move(options));
  if (opened) {
    recorder_ = *std::move(opened);
  } else {
    spdlog::warn("record: no envelopes are recorded: {}", opened.error());
  }
}

void Server::make_tls_services(queue::HopPoolConfig& pool,
                               const Worker::ResolverFactory& resolver) {
  const std::shared_ptr<const Runtime> now = runtime();
  const Config& config = now->config();
  mta_sts::PolicyService::Options sts;
  sts.folder = mta_sts::PolicyStore::folder_in(data_dir_);
  sts.https.ca = config.mta_sts.ca;
  sts.resolver = resolver;
  sts_ = std::make_shared<StsDesk>(std::move(sts));
  TlsReporter::Options reports;
  reports.folder = data_dir_.empty() ? data_dir_ : data_dir_ + "/tls-reports";
  reports.hostname = config.hostname;
  reports.config = [this] { return runtime()->config().tls_report; };
  reports.https.ca = config.mta_sts.ca;
  reports.resolver = resolver;
  reports.delay = delay_of_reports();
  reports.send = [this](TlsReporter::Letter letter, std::function<void(bool)> done) {
    // The workers run for as long as reports are sent: end_workers().
    workers_.front()->submit(OwnLetter{std::string(routing::kTlsReportIdentity),
                                       std::move(letter.to),
                                       std::move(letter.octets)},
                             std::move(done));
  };
  tls_reports_ = std::make_shared<TlsReporter>(std::move(reports));
  pool.sts = sts_;
  pool.observer = tls_reports_;
}

}  // namespace postern::gateway
