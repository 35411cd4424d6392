// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/account_table.h"
#include "auth/password_source.h"
#include "gateway/sender_map.h"
#include "routing/config.h"
#include "routing/watched_table.h"

#include <memory>
#include <string>

namespace postern::gateway {

struct Config;

/// An account table as WatchedFile makes it: its names know no domains of ours.
class WatchedAccounts final : public auth::AccountTable {
 public:
  explicit WatchedAccounts(const routing::MailboxRules&) {}
};

/// The files of `[auth]`, read again when they change. refresh(): one thread at a time; the rest:
/// any.
class AuthFiles {
 public:
  AuthFiles(const Config& config, const routing::WatchedTable::Options& options);
  ~AuthFiles();
  AuthFiles(AuthFiles&&) = delete;

  void refresh();
  /// Null: the config names no file, or it could not be read yet.
  std::shared_ptr<const auth::AccountTable> accounts() const;
  /// Who checks passwords; null: as above. Outlives the files.
  std::shared_ptr<const auth::PasswordSource> passwords() const;
  bool has_senders() const { return senders_ != nullptr; }
  /// Null: it could not be read yet.
  std::shared_ptr<const SenderMap> senders() const;

 private:
  routing::DomainIndex domains_;
  std::unique_ptr<routing::WatchedFile<WatchedAccounts>> accounts_;
  std::shared_ptr<const auth::PasswordSource> server_;  ///< where accounts are no file
  std::unique_ptr<routing::WatchedFile<SenderMap>> senders_;
};

}  // namespace postern::gateway
