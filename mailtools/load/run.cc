// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/run.h"

#include "mailtools/load/arrived.h"
#include "mailtools/load/conductor.h"
#include "mailtools/load/plot.h"
#include "mailtools/load/probe.h"
#include "mailtools/load/report.h"
#include "mailtools/sink/sink.h"
#include "smtp/address.h"
#include "tls/certificate.h"
#include "tls/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <utility>

namespace postern::load {
namespace {

constexpr int kAllWell = 0;
constexpr int kSomeFailed = 1;
constexpr int kWrong = 2;
constexpr int kUnavailable = 69;  // EX_UNAVAILABLE
constexpr int kCannotWrite = 73;  // EX_CANTCREAT
/// Descriptors beside those of sessions: files, event loops, standard streams.
constexpr std::size_t kSpare = 64;
/// Connections that a gateway opens to the sink.
constexpr std::size_t kSinkSessions = 256;

std::string new_run() {
  std::random_device chance;
  return fmt::format("{:08x}{:08x}", chance(), chance());
}

std::size_t descriptors(const Options& options) {
  const std::size_t sessions = options.sessions > 0 ? options.sessions : options.max_sessions;
  return sessions + options.idle + options.slow + kSpare + 4 * options.threads +
         (options.sink.empty() ? 0 : kSinkSessions);
}

/// What is wrong; "": nothing.
std::string prepare_tls(Plan& plan) {
  const Options& options = plan.options;
  plan.profile.hostname = options.helo;
  if (options.tls == TlsUse::none) return {};
  if (options.tls == TlsUse::starttls) plan.profile.tls = smtp::ClientProfile::Tls::encrypt;
  const auto context = options.verify ? tls::Context::verifying_client(options.ca)
                                      : tls::Context::opportunistic_client();
  if (!context) return fmt::format("{}: {}", context.error().file, context.error().message);
  plan.tls = *context;
  if (!options.verify) return {};
  auto check = std::make_shared<tls::PeerCheck>();
  check->chain = true;
  check->names = {smtp::ascii_lower(options.server)};
  plan.check = std::move(check);
  return {};
}

/// The sink of a run; null: none was asked for, or `problem` tells.
std::unique_ptr<sink::Sink> start_sink(const Options& options,
                                       Arrived& arrived,
                                       std::string& problem) {
  if (options.sink.empty()) return nullptr;
  sink::SinkOptions settings;
  settings.listen = {options.sink_endpoint};
  settings.threads = options.threads;
  auto started = sink::Sink::start(std::move(settings), &arrived);
  if (started) return std::move(*started);
  problem = fmt::format("--sink: {}", started.error().text);
  return nullptr;
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return file.good();
}

int tell(const Options& options, const Outcome& outcome, std::ostream& out, std::ostream& err) {
  int status = outcome.all_well() ? kAllWell : kSomeFailed;
  if (outcome.ended == "interrupted" && outcome.figures.sent == 0) status = kSomeFailed;
  const auto write = [&](const std::string& path, const std::string& text) {
    if (path.empty() || write_file(path, text)) return;
    err << "postern load: " << path << " cannot be written\n";
    status = kCannotWrite;
  };
  if (options.json == "-") {
    out << json_report(options, outcome) << std::flush;
  } else {
    out << text_report(options, outcome) << std::flush;
    write(options.json, json_report(options, outcome));
  }
  write(options.plot, plot_outcome(options, outcome));
  return status;
}

}  // namespace

int run_load(const Options& options, std::ostream& out, std::ostream& err) {
  const auto refuse = [&err](int status, const std::string& why) {
    err << "postern load: " << why << "\n";
    return status;
  };
  const Read<Contents> contents = Contents::make(options, new_run());
  if (!contents) return refuse(kWrong, contents.error());
  Plan plan{options, *contents, {}, {}, nullptr, nullptr};
  std::string problem = prepare_tls(plan);
  if (problem.empty()) problem = make_room(descriptors(options));
  if (!problem.empty()) return refuse(kWrong, problem);
  Arrived arrived(plan.contents.run());
  const std::unique_ptr<sink::Sink> sink = start_sink(options, arrived, problem);
  if (!problem.empty()) return refuse(kUnavailable, problem);
  problem = probe(plan);
  if (!problem.empty()) return refuse(kUnavailable, problem);
  Conductor conductor(plan, sink ? &arrived : nullptr, err);
  const Outcome outcome = conductor.run();
  return tell(options, outcome, out, err);
}

}  // namespace postern::load
