// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/authenticator.h"
#include "gateway/authority_watch.h"
#include "gateway/client_gate.h"
#include "gateway/control.h"
#include "gateway/envelope_recorder.h"
#include "gateway/file_thread.h"
#include "gateway/letter_log.h"
#include "gateway/metrics_server.h"
#include "gateway/runtime.h"
#include "gateway/start_settings.h"
#include "gateway/sts_policies.h"
#include "gateway/tls_reporter.h"
#include "gateway/worker.h"
#include "queue/hop_health.h"
#include "queue/hop_prober.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace postern::gateway {

/// Why the gateway cannot begin: a listener's name, its address and what the system said; or what
/// is wrong with data_dir.
struct BindError {
  std::string message;
};

/// The gateway as a whole: listeners on one thread (the caller's), workers on theirs, one immutable
/// runtime that a reload swaps. Made, run and destroyed by one thread.
class Server {
 public:
  struct Options {
    std::size_t threads = 0;                ///< workers; 0: one a core
    std::chrono::seconds grace{30};         ///< how long a stop waits for letters under way
    std::chrono::milliseconds watch{1000};  ///< how often files named by the config are looked at
    Worker::ResolverFactory resolver;       ///< empty: DNS as the config says
    std::unique_ptr<spool::Spool> spool;    ///< null: opened in the config's data_dir
    /// Folder of the recorded envelopes; empty: in data_dir, with the spool there.
    std::string records;
    std::string control;  ///< path of the control socket; empty: in data_dir, with the spool there
  };
  /// A listener that is bound: the address is the real one when the config said port 0.
  struct Bound {
    std::string name;
    net::Endpoint endpoint;
  };

  Server(std::shared_ptr<const Snapshot> snapshot, const LetterLog& log, Options options);
  ~Server();
  Server(Server&&) = delete;

  /// Opens the spool and binds every listener.
  Result<void, BindError> bind();
  const std::vector<Bound>& bound() const { return bound_; }

  /// Where `[metrics]` are served; nullopt: nowhere. Once bind() has succeeded.
  std::optional<net::Endpoint> metrics_endpoint() const {
    return metrics_ ? std::optional(metrics_->endpoint()) : std::nullopt;
  }

  /// Accepts and serves until stop(); returns when every session has ended or the grace is over.
  void run();
  /// Once run() has returned: a thread was left behind that waits for a file's octets. The process
  /// must then end without destroying what is static.
  bool is_reading_left() const { return is_reading_left_; }
  /// Ends run() gracefully: no new sessions, idle ones get 421, letters under way are finished. Any
  /// thread.
  void stop();
  /// The same without waiting for anything that is still under way. Any thread.
  void stop_now();
  /// From now on each MAIL gets this, also in sessions that are open; letters under way keep what
  /// they began with, and sessions their TLS, limits and timeouts. A listener that is new or has
  /// another address needs a restart: its name is in the result. Any thread.
  std::vector<std::string> reload(std::shared_ptr<const Snapshot> snapshot);
  /// What is as it was at the start, whatever has been reloaded. Any thread.
  const StartSettings& start_settings() const { return began_with_; }

  std::size_t sessions() const { return gate_.sessions(); }
  /// Once bind() has succeeded. Any thread.
  spool::Spool& spool() { return *spool_; }
  net::IoContext& context() { return context_; }
  /// Null: nothing is recorded. Once bind() has succeeded; any thread.
  EnvelopeRecorder* recorder() { return recorder_.get(); }
  /// What `postern reload` does, on a thread that may wait; before run(). Empty: it is refused.
  void on_reload(ReloadHandler handler) { reload_handler_ = std::move(handler); }

 private:
  struct Listening {
    std::string name;
    std::string bind;
    net::Acceptor acceptor;
  };

  net::Awaitable<void> accept_loop(Listening& listening);
  net::Awaitable<void> accept_clients(Listening& listening);
  net::Awaitable<void> watch_files();
  void look_at_files();
  void stop_reading();
  net::Awaitable<void> drain();
  net::Awaitable<void> end_sessions();
  net::Awaitable<void> close_hops();
  template <class Done>
  net::Awaitable<void> wait_for_workers(Done done, net::TimePoint end);
  Result<void, BindError> open_spool();
  void open_recorder();
  Result<void, BindError> open_control();
  Result<void, BindError> open_metrics();
  std::string metrics_page() const;
  void start_workers();
  void make_prober(const queue::HopPoolConfig& pool, const Worker::ResolverFactory& resolver);
  void watch_hops();
  void load_authorities(const Config& config);
  void look_at_authorities();
  void make_tls_services(queue::HopPoolConfig& pool, const Worker::ResolverFactory& resolver);
  void end_workers();
  void recover(const std::stop_token& stop);
  void serve(net::Socket socket, Worker& worker, const std::string& listener);
  Worker& least_loaded();
  std::shared_ptr<const Runtime> runtime() const { return current_.get(); }

  net::IoContext context_{1};
  CurrentRuntime current_;
  const LetterLog& log_;
  Options options_;
  ClientGate gate_;
  Authenticator authenticator_;
  std::vector<std::unique_ptr<Listening>> listening_;
  std::vector<Bound> bound_;
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<EnvelopeRecorder> recorder_;  ///< null: nothing is recorded
  /// One for the engines of all workers.
  const std::shared_ptr<dsn::StormGuard> storm_ =
      std::make_shared<dsn::StormGuard>(queue::EngineOptions::kReportsPerMinute);
  /// What all workers and the prober know of next hops' hosts.
  const std::shared_ptr<queue::HopHealth> health_ = std::make_shared<queue::HopHealth>();
  /// For workers and the prober; a reload reads its files anew.
  const std::shared_ptr<tls::ClientContexts> verifying_ = std::make_shared<tls::ClientContexts>();
  AuthorityWatch authorities_;  ///< whose files verifying_ has; the thread's that runs
  const StartSettings began_with_;
  std::unique_ptr<queue::HopProber> prober_;  ///< the thread's that runs; made with the workers
  ReloadHandler reload_handler_;
  std::string data_dir_;  ///< of the files of our own; empty: the spool is another's
  /// MTA-STS policies and TLS reports: made with the workers, which use them to their end.
  std::shared_ptr<StsDesk> sts_;
  std::shared_ptr<TlsReporter> tls_reports_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Control> control_;        ///< null: there is none
  mutable std::mutex page_mutex_;           ///< one page at a time
  std::unique_ptr<MetricsServer> metrics_;  ///< null: nothing is served
  std::size_t accepting_ = 0;               ///< accept loops that run
  bool stopping_ = false;
  bool at_once_ = false;  ///< a stop that waits for nothing
  bool slow_reading_told_ = false;
  bool is_reading_left_ = false;
  net::TimePoint stop_by_;  ///< when the grace is over
  std::jthread recovery_;   ///< hands what the spool holds to the workers
  /// Reads the files that the snapshot names. A stop waits so long for a large one.
  FileThread files_{std::chrono::milliseconds(1000)};
};

}  // namespace postern::gateway
