// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/control_request.h"
#include "gateway/control_sink.h"
#include "gateway/reload_order.h"
#include "queue/engine.h"
#include "queue/hop_health.h"
#include "queue/spool/spool.h"
#include "routing/wave_config.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace postern::gateway {

class TlsReporter;
class Worker;

/// What `postern reload` does: reads the config, and takes it or not. Blocks; one at a time.
using ReloadHandler = std::function<ReloadOutcome(const ReloadOrder&)>;

/// What the commands work on. Outlives them; the workers run all the while.
struct ControlTarget {
  spool::Spool* spool = nullptr;
  std::vector<Worker*> workers;
  /// The waves of the config that is served now; any thread. Empty: unknown.
  std::function<std::vector<routing::WaveConfig>()> waves;
  /// The next hops of that config; any thread. Empty: unknown.
  std::function<std::vector<routing::NextHop>()> next_hops;
  std::shared_ptr<const queue::HopHealth> health;  ///< null: unknown
  std::function<std::string()> metrics;            ///< docs/metrics.md; any thread. Empty: none
  ReloadHandler reload;                            ///< empty: there is none
  TlsReporter* tls_reports = nullptr;              ///< null: nothing is counted
  /// One change at a time: a hold takes messages out of lanes that a release puts in.
  std::mutex changes;
};

/// Carries one request out and answers it: on a thread of its own, since it waits for the disk, for
/// engines and for the client. Messages that are being delivered at that moment are left alone, and
/// it is said so.
class ControlCommands {
 public:
  /// `stop`: what takes long ends early; nobody waits for it any more.
  ControlCommands(ControlTarget& target, ControlSink& sink, std::stop_token stop = {})
      : target_(target), sink_(sink), stop_(std::move(stop)) {}
  void run(const ControlRequest& request);

 private:
  using Ids = std::vector<spool::MessageId>;
  /// How the messages of a change came out.
  struct Tally {
    std::size_t messages = 0;    ///< changed
    std::size_t recipients = 0;  ///< of these
    std::size_t refused = 0;     ///< messages that were not, or not entirely
  };

  // control_queries.cc
  void list(const ControlFilter& filter);
  void preview(const ControlRequest& request);
  void show(const std::string& id, bool body);
  bool show_octets(const spool::MessagePtr& message, std::uint64_t octets);
  void stats();

  // control_changes.cc
  void change(const ControlRequest& request);
  Ids chosen(const ControlRequest& request, Tally& tally);
  spool::MessagePtr queued(spool::MessageId id, Tally& tally);
  void hold(const Ids& ids, Tally& tally);
  void release(const Ids& ids, Tally& tally);
  void retry(const Ids& ids, Tally& tally);
  bool make_due(const spool::MessagePtr& message, Tally& tally);
  void give_up(const Ids& ids, const ControlRequest& request, Tally& tally);
  void say(spool::MessageId id, const char* what, std::size_t recipients, std::size_t busy);
  void say_no(spool::MessageId id, const std::string& why, Tally& tally);

  // control_hops.cc
  void hops(const std::string& name);

  // control_tls_reports.cc
  void tls_report(const ControlRequest& request);
  // control_metrics.cc
  void metrics();

  // control_reload.cc
  void reload(const ControlRequest& request);

  Result<spool::MessagePtr> load(spool::MessageId id);
  /// Calls it for each worker on that worker's thread, and waits.
  void on_workers(const std::function<void(queue::Engine&)>& call);
  queue::Engine& next_engine();

  ControlTarget& target_;
  ControlSink& sink_;
  const std::stop_token stop_;
  std::size_t next_ = 0;
};

}  // namespace postern::gateway
