// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/file_stamp.h"
#include "gateway/config.h"
#include "routing/watched_table.h"
#include "tls/current_context.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace postern::gateway {

/// The certificates, keys and authorities that listeners use, read again when a file changes. All
/// of them are taken together or not at all, so that a renewal which writes the certificate before
/// its key does no harm: what does not fit is told once, and looked at again when a file changes.
/// Owned by the snapshot. refresh(): one thread at a time; the rest: any.
class TlsFiles {
 public:
  struct Options {
    routing::Notice notice;
    std::chrono::milliseconds settle{1000};  ///< as routing::WatchedFile has it
    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
    std::shared_ptr<tls::TicketKeys> tickets = tls::TicketKeys::of_process();
  };

  /// Which file is wrong, and how. The config has a certificate at least.
  static Result<std::unique_ptr<TlsFiles>, tls::ContextError> open(const Config& config,
                                                                   Options options);
  TlsFiles(TlsFiles&&) = delete;

  void refresh();
  /// For listeners that ask clients for a certificate, and for those that do not; as long as this.
  const tls::CurrentContext& current(bool asks) const { return asks ? asking_ : silent_; }
  /// What is in use now, in the config's order.
  std::vector<tls::CertificateFacts> certificates() const;

 private:
  using Stamps = std::map<std::string, FileStamp>;
  struct Contexts {
    std::shared_ptr<const tls::Context> silent;
    std::shared_ptr<const tls::Context> asking;
  };

  TlsFiles(const TlsConfig& config, Options options, Contexts first, Stamps stamps);
  static Result<Contexts, tls::ContextError> load(const TlsConfig& config, const Options& options);
  static Stamps stamps_of(const TlsConfig& config);
  void tell(const std::string& line) const;

  const TlsConfig config_;
  const Options options_;
  tls::CurrentContext silent_;
  tls::CurrentContext asking_;
  // refresh()'s own:
  Stamps taken_;  ///< of what is in use
  Stamps seen_;   ///< of a change that settles, since seen_at_
  std::chrono::steady_clock::time_point seen_at_;
  std::optional<Stamps> refused_;  ///< what did not fit
};

/// "mail.company.ru (ECDSA, until 2027-02-28), ..." for the log.
std::string shown(const std::vector<tls::CertificateFacts>& certificates);

}  // namespace postern::gateway
