// SPDX-License-Identifier: Apache-2.0
#include "gateway/file_limit.h"
#include "gateway/logging.h"
#include "gateway/reloader.h"
#include "gateway/server.h"
#include "gateway/snapshot.h"
#include "tools/commands.h"

#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <utility>

namespace postern::tools {
namespace {

using gateway::Snapshot;

/// SIGTERM and SIGINT end, a second one at once; SIGHUP reloads.
class Signals {
 public:
  Signals(gateway::Server& server, gateway::Reloader& reloader)
      : server_(server),
        reloader_(reloader),
        signals_(server.context().get_executor(), SIGTERM, SIGINT, SIGHUP) {
    wait();
  }

 private:
  void wait() {
    signals_.async_wait([this](const boost::system::error_code& ec, int signal) {
      if (ec) return;
      if (signal == SIGHUP) {
        const Result<void, std::string> log = gateway::reopen_log();
        if (!log) spdlog::error("the log file of before goes on: {}", log.error());
        reloader_.request();
      } else {
        const char* const name = signal == SIGTERM ? "SIGTERM" : "SIGINT";
        spdlog::info("stopping{}: {}", stopping_ ? " at once" : "", name);
        if (std::exchange(stopping_, true)) {
          server_.stop_now();
        } else {
          server_.stop();
        }
      }
      wait();
    });
  }

  gateway::Server& server_;
  gateway::Reloader& reloader_;
  boost::asio::basic_signal_set<net::Executor> signals_;
  bool stopping_ = false;
};

/// SIGHUP waits while this lives: before its handler is there it would end the process.
class HangUpHeld {
 public:
  HangUpHeld() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  ~HangUpHeld() { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }
  HangUpHeld(HangUpHeld&&) = delete;

 private:
  sigset_t set_{};
};

}  // namespace

int run_serve(const ServeOptions& options, std::ostream& out, std::ostream& err) {
  std::signal(SIGPIPE, SIG_IGN);
  std::optional<HangUpHeld> held(std::in_place);
  const gateway::LoadedConfig loaded = gateway::load_for_service(options.config, {}, options.force);
  print_findings(loaded.findings, err);
  if (!loaded.snapshot) return 2;
  const std::shared_ptr<const Snapshot>& snapshot = loaded.snapshot;
  gateway::raise_file_limit();
  const auto log = gateway::start_logging(snapshot->config().log);
  if (!log) {
    err << options.config << ": " << log.error() << "\n";
    return 2;
  }
  int status = 0;
  bool is_reading_left = false;
  {
    gateway::Server server(snapshot, **log, gateway::Server::Options{});
    const Result<void, gateway::BindError> bound = server.bind();
    if (bound) {
      for (const gateway::Server::Bound& b : server.bound()) {
        out << fmt::format(
            "listening {} {}:{}\n", b.name, b.endpoint.address().to_string(), b.endpoint.port());
      }
      if (const auto metrics = server.metrics_endpoint())
        out << fmt::format("metrics {}:{}\n", metrics->address().to_string(), metrics->port());
      gateway::Reloader reloader(server, options.config, loaded);
      server.on_reload(
          [&reloader](const gateway::ReloadOrder& order) { return reloader.reload(order); });
      const Signals signals(server, reloader);
      held.reset();
      out << "ready" << std::endl;
      spdlog::info("postern {} serves {}", POSTERN_VERSION, options.config);
      if (const std::string few = gateway::too_few_files(snapshot->config()); !few.empty())
        spdlog::warn("{}", few);
      for (const std::string& note : snapshot->notes())
        spdlog::info("{}", note);
      server.run();
      is_reading_left = server.is_reading_left();
      const spool::Ledger ledger = server.spool().stats().ledger;
      spdlog::info(
          "stopped; recipients: accepted={} delivered={} bounced={} discarded={} queued={} "
          "damaged={}",
          ledger.accepted,
          ledger.delivered,
          ledger.failed,
          ledger.discarded,
          ledger.queued,
          ledger.damaged);
    } else {
      err << options.config << ": " << bound.error().message << "\n";
      status = 1;
    }
  }
  if (is_reading_left) {
    // Should the read end now, its thread finds the log and all else in place.
    spdlog::default_logger()->flush();
    out.flush();
    std::_Exit(status);
  }
  gateway::shut_down_logging();
  return status;
}

}  // namespace postern::tools
