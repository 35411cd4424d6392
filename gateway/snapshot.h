// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "gateway/auth_files.h"
#include "gateway/config.h"
#include "gateway/directories.h"
#include "gateway/finding.h"
#include "gateway/list_files.h"
#include "gateway/tls_files.h"
#include "routing/pipeline.h"

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

namespace postern::gateway {

/// A config with everything that is made from it: directories, cut-over lists, pipeline, TLS.
/// Immutable and shared by all threads; sessions hold it for as long as they live. The files that
/// it names are reloaded inside it (refresh_files), each by swapping one table.
class Snapshot {
 public:
  struct Options {
    /// False: certificates are not loaded and server_tls() is null (explain needs none, and may run
    /// as a user who cannot read the key).
    bool tls = true;
    /// Takes a line for the log about a file that was reloaded or cannot be read, from
    /// refresh_files(), or about a server that a stage could not ask, from any thread; empty: the
    /// process's logger.
    routing::Notice notice;
    /// How long a changed file must have been left alone before it is taken.
    std::chrono::milliseconds settle{1000};
    /// Those of this very config, where check() has looked at them; null: they are read now. No
    /// other snapshot's.
    std::shared_ptr<ListFiles> lists;
    /// How servers that know who exists are asked.
    DirectoryMakers makers = makers_of_process();
    /// Keys of session tickets: they outlive the snapshot, so that clients resume across a reload.
    std::shared_ptr<tls::TicketKeys> tickets = tls::TicketKeys::of_process();
  };

  /// An empty `routing.trace_key` becomes a random one: loops are then seen until the next start.
  static Result<std::shared_ptr<const Snapshot>, std::vector<Finding>> build(Config config);
  static Result<std::shared_ptr<const Snapshot>, std::vector<Finding>> build(Config config,
                                                                             Options options);

  Snapshot(Snapshot&&) = delete;

  const Config& config() const { return config_; }
  const routing::Pipeline& pipeline() const { return *pipeline_; }
  const routing::Waves& waves() const { return lists_->waves; }
  const AuthFiles& auth_files() const { return *auth_files_; }
  /// For listeners that ask clients for a certificate, or do not. Null: the config names no
  /// certificate of ours.
  const tls::CurrentContext* server_tls(bool asks = false) const {
    return tls_files_ ? &tls_files_->current(asks) : nullptr;
  }
  /// In use now; for how long each is good.
  std::vector<tls::CertificateFacts> certificates() const {
    return tls_files_ ? tls_files_->certificates() : std::vector<tls::CertificateFacts>();
  }

  /// The same lines about the first reading: at a start there is no log yet.
  const std::vector<std::string>& notes() const { return notes_; }

  /// Takes the files that have changed. One thread at a time; cheap when nothing has. Blocks, for
  /// as long as the disks that they are on.
  void refresh_files() const;

 private:
  explicit Snapshot(Config config) : config_(std::move(config)) {}

  /// Of cut-over lists and waves; what this build cannot ask is the answer.
  std::optional<Finding> open_directories_of_lists();
  void tell(const std::string& line);

  Config config_;
  routing::Notice notice_;  ///< empty while the snapshot is built
  std::vector<std::string> notes_;
  std::unique_ptr<Directories> directories_;
  std::shared_ptr<ListFiles> lists_;
  std::unique_ptr<AuthFiles> auth_files_;
  std::optional<routing::Pipeline> pipeline_;
  std::unique_ptr<TlsFiles> tls_files_;  ///< null: none are named, or wanted
};

}  // namespace postern::gateway
