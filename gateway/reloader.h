// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "gateway/reload_order.h"
#include "gateway/resolve_sources.h"
#include "gateway/snapshot.h"

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postern::gateway {

class Server;

/// A config that can be served; null: it is wrong. `complete`: every name in it resolved.
struct LoadedConfig {
  std::shared_ptr<const Snapshot> snapshot;
  bool complete = true;
  bool forced = false;            ///< taken whatever the proof says: so are the ones after it
  std::vector<Finding> findings;  ///< of all severities
};

/// The file as a snapshot that can be served, or everything that is wrong with it: what `postern
/// serve` does at its start, and a reload. A config under which mail would circle or be lost
/// (docs/proof.md) is wrong, unless `force`. Blocks: it reads large files, and asks DNS.
LoadedConfig load_for_service(const std::string& path,
                              const SourceQuery& query,
                              bool force = false);

/// Reads the config again, on a thread that may wait: a large directory or a silent DNS must not
/// hold up accepting. A config that is wrong changes nothing. Made before the server runs, and
/// outlives its run; one reload at a time, the others wait.
class Reloader {
 public:
  /// `current` is what the server was made with.
  Reloader(Server& server, std::string path, LoadedConfig current);

  /// SIGHUP: begins a reload and logs what becomes of it. The server's thread.
  void request();
  /// `postern reload`: the same, and waits for it. Any thread but the server's and the workers'.
  ReloadOutcome reload(const ReloadOrder& order);

 private:
  ReloadOutcome perform(const ReloadOrder& order);
  void judge(const ReloadOrder& order, const Snapshot& next, ReloadOutcome& outcome) const;
  void log(const ReloadOrder& order, const ReloadOutcome& outcome) const;
  void requested_is_done();
  void ask_again_if_incomplete();

  Server& server_;
  const std::string path_;
  std::mutex one_;        ///< held by a reload
  LoadedConfig current_;  ///< under one_
  // Below: the server's thread's.
  net::Timer again_;
  bool complete_ = true;  ///< what current_ says
  bool running_ = false;
  bool requested_ = false;
  std::jthread thread_;  ///< last: it ends before what it uses
};

}  // namespace postern::gateway
