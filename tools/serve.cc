// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"
#include "gateway/logging.h"
#include "gateway/resolve_sources.h"
#include "gateway/server.h"
#include "gateway/snapshot.h"
#include "gateway/trace_key.h"
#include "tools/commands.h"

#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <iostream>
#include <sstream>

namespace postern::tools {
namespace {

using gateway::Finding;
using gateway::Snapshot;

/// The file as a snapshot that can be served, or everything that is wrong with it on `err`.
std::shared_ptr<const Snapshot> load(const std::string& path, std::ostream& err) {
  gateway::LoadResult loaded = gateway::load_config(path, gateway::Environment::from_process());
  print_findings(loaded.findings, err);
  if (!loaded.config) return nullptr;
  const std::vector<Finding> checked = gateway::check(*loaded.config);
  print_findings(checked, err);
  if (gateway::exit_status(checked) >= 2) return nullptr;
  std::string& key = loaded.config->routing.routing.trace_key;
  if (key.empty()) {
    const Result<std::string, gateway::TraceKeyError> made =
        gateway::load_or_create_trace_key(loaded.config->data_dir);
    if (!made) {
      err << path << ": routing.trace_key: " << made.error().message << "\n";
      return nullptr;
    }
    key = *made;
  }
  print_findings(gateway::resolve_sources(*loaded.config), err);
  auto snapshot = Snapshot::build(std::move(*loaded.config));
  if (!snapshot) {
    print_findings(snapshot.error(), err);
    return nullptr;
  }
  return *snapshot;
}

/// SIGTERM and SIGINT end, SIGHUP reloads; a config that is wrong changes nothing.
class Signals {
 public:
  Signals(gateway::Server& server, std::string path)
      : server_(server),
        path_(std::move(path)),
        signals_(server.context().get_executor(), SIGTERM, SIGINT, SIGHUP) {
    wait();
  }

 private:
  void wait() {
    signals_.async_wait([this](const boost::system::error_code& ec, int signal) {
      if (ec) return;
      if (signal != SIGHUP) {
        spdlog::info("stopping: {}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
        server_.stop();
        return;
      }
      reload();
      wait();
    });
  }

  void reload() {
    const Result<void, std::string> log = gateway::reopen_log();
    if (!log) spdlog::error("the log file of before goes on: {}", log.error());
    std::ostringstream problems;
    const std::shared_ptr<const Snapshot> snapshot = load(path_, problems);
    if (!problems.str().empty()) spdlog::warn("{}", problems.str());
    if (!snapshot) {
      spdlog::error("{} is not taken: the config of before goes on", path_);
      return;
    }
    for (const std::string& name : server_.reload(snapshot)) {
      spdlog::warn("listener {} is new, gone or has another address: that needs a restart", name);
    }
    spdlog::info("reloaded {}", path_);
  }

  gateway::Server& server_;
  std::string path_;
  boost::asio::basic_signal_set<net::Executor> signals_;
};

}  // namespace

int run_serve(const ServeOptions& options, std::ostream& out, std::ostream& err) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::shared_ptr<const Snapshot> snapshot = load(options.config, err);
  if (!snapshot) return 2;
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
      out << "ready" << std::endl;
      const Signals signals(server, options.config);
      spdlog::info("postern {} serves {}", POSTERN_VERSION, options.config);
      for (const std::string& note : snapshot->notes())
        spdlog::info("{}", note);
      server.run();
      spdlog::info("stopped");
    } else {
      err << options.config << ": " << bound.error().message << "\n";
      status = 1;
    }
  }
  gateway::shut_down_logging();
  return status;
}

}  // namespace postern::tools
