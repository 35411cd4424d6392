// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"
#include "gateway/logging.h"
#include "gateway/resolve_sources.h"
#include "gateway/server.h"
#include "gateway/snapshot.h"
#include "gateway/trace_key.h"
#include "tools/commands.h"

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <iostream>
#include <optional>
#include <sstream>
#include <stop_token>
#include <thread>
#include <utility>

namespace postern::tools {
namespace {

using gateway::Finding;
using gateway::Snapshot;

/// A config that can be served; null: it is wrong. `complete`: every name in it resolved.
struct Loaded {
  std::shared_ptr<const Snapshot> snapshot;
  bool complete = true;
};

/// The file as a snapshot that can be served, or everything that is wrong with it on `err`.
Loaded load(const std::string& path, const gateway::SourceQuery& query, std::ostream& err) {
  gateway::LoadResult loaded = gateway::load_config(path, gateway::Environment::from_process());
  print_findings(loaded.findings, err);
  if (!loaded.config) return {};
  const std::vector<Finding> checked = gateway::check(*loaded.config);
  print_findings(checked, err);
  if (gateway::exit_status(checked) >= 2) return {};
  std::string& key = loaded.config->routing.routing.trace_key;
  if (key.empty()) {
    const Result<std::string, gateway::TraceKeyError> made =
        gateway::load_or_create_trace_key(loaded.config->data_dir);
    if (!made) {
      err << path << ": routing.trace_key: " << made.error().message << "\n";
      return {};
    }
    key = *made;
  }
  const std::vector<Finding> unresolved = gateway::resolve_sources(*loaded.config, query);
  print_findings(unresolved, err);
  auto snapshot = Snapshot::build(std::move(*loaded.config));
  if (!snapshot) {
    print_findings(snapshot.error(), err);
    return {};
  }
  return Loaded{*snapshot, unresolved.empty()};
}

/// Names that did not resolve are asked for again so soon.
constexpr std::chrono::seconds kAskAgain{60};

/// Reads the config again, on a thread of its own: a large directory or a silent DNS must not hold
/// up accepting. A config that is wrong changes nothing. Used on the server's thread.
class Reloader {
 public:
  Reloader(gateway::Server& server, std::string path, Loaded current)
      : server_(server),
        path_(std::move(path)),
        current_(std::move(current)),
        again_(server.context().get_executor()) {
    ask_again_if_incomplete();
  }

  void request() {
    if (std::exchange(running_, true)) {
      requested_ = true;  // what is being read may be older than the request
      return;
    }
    again_.cancel();
    thread_ = std::jthread([this](const std::stop_token& stop) { read(stop); });
  }

 private:
  void read(const std::stop_token& stop) {
    gateway::SourceQuery query;
    query.before = &current_.snapshot->config();
    query.stop = stop;
    std::ostringstream problems;
    Loaded loaded = load(path_, query, problems);
    if (stop.stop_requested()) return;
    boost::asio::post(server_.context(),
                      [this, loaded = std::move(loaded), said = problems.str()]() mutable {
                        take(std::move(loaded), said);
                      });
  }

  void take(Loaded loaded, const std::string& problems) {
    thread_.join();
    running_ = false;
    if (!problems.empty()) spdlog::warn("{}", problems);
    if (!loaded.snapshot) {
      spdlog::error("{} is not taken: the config of before goes on", path_);
    } else {
      current_ = std::move(loaded);
      for (const std::string& name : server_.reload(current_.snapshot)) {
        spdlog::warn("listener {} is new, gone or has another address: that needs a restart", name);
      }
      spdlog::info("reloaded {}", path_);
    }
    ask_again_if_incomplete();
    if (std::exchange(requested_, false)) request();
  }

  void ask_again_if_incomplete() {
    if (current_.complete) return;
    again_.expires_after(kAskAgain);
    again_.async_wait([this](const boost::system::error_code& ec) {
      if (!ec) request();
    });
  }

  gateway::Server& server_;
  const std::string path_;
  Loaded current_;
  net::Timer again_;
  bool running_ = false;
  bool requested_ = false;
  std::jthread thread_;  ///< last: it ends before what it uses
};

/// SIGTERM and SIGINT end, a second one at once; SIGHUP reloads.
class Signals {
 public:
  Signals(gateway::Server& server, Reloader& reloader)
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
  Reloader& reloader_;
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
  const Loaded loaded = load(options.config, {}, err);
  if (!loaded.snapshot) return 2;
  const std::shared_ptr<const Snapshot>& snapshot = loaded.snapshot;
  const auto log = gateway::start_logging(snapshot->config().log);
  if (!log) {
    err << options.config << ": " << log.error() << "\n";
    return 2;
  }
  int status = 0;
  {
    gateway::Server server(snapshot, **log, gateway::Server::Options{});
    const Result<void, gateway::BindError> bound = server.bind();
    if (bound) {
      for (const gateway::Server::Bound& b : server.bound()) {
        out << fmt::format(
            "listening {} {}:{}\n", b.name, b.endpoint.address().to_string(), b.endpoint.port());
      }
      Reloader reloader(server, options.config, loaded);
      const Signals signals(server, reloader);
      held.reset();
      out << "ready" << std::endl;
      spdlog::info("postern {} serves {}", POSTERN_VERSION, options.config);
      for (const std::string& note : snapshot->notes())
        spdlog::info("{}", note);
      server.run();
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
  gateway::shut_down_logging();
  return status;
}

}  // namespace postern::tools
