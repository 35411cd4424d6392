// SPDX-License-Identifier: Apache-2.0
#include "gateway/auth_files.h"

#include "gateway/config.h"
#include "routing/watched_table_impl.h"

namespace postern::routing {

template class WatchedFile<gateway::WatchedAccounts>;
template class WatchedFile<gateway::SenderMap>;

}  // namespace postern::routing

namespace postern::gateway {

AuthFiles::AuthFiles(const AuthConfig& config,
                     const routing::Config& routing,
                     const routing::WatchedTable::Options& options)
    : domains_(routing.domains) {
  const routing::MailboxRules rules{
      &domains_, routing.recipients.case_sensitive, routing.recipients.delimiter};
  if (const auto path = file_of(config.accounts)) {
    const routing::WatchedFile<WatchedAccounts>::Options same{
        options.notice, options.settle, options.now};
    accounts_ = std::make_unique<routing::WatchedFile<WatchedAccounts>>(*path, rules, same);
  }
  if (const auto path = file_of(config.senders)) {
    const routing::WatchedFile<SenderMap>::Options same{
        options.notice, options.settle, options.now};
    senders_ = std::make_unique<routing::WatchedFile<SenderMap>>(*path, rules, same);
  }
}

AuthFiles::~AuthFiles() = default;

void AuthFiles::refresh() {
  if (accounts_) accounts_->refresh();
  if (senders_) senders_->refresh();
}

std::shared_ptr<const auth::AccountTable> AuthFiles::accounts() const {
  return accounts_ ? accounts_->table() : nullptr;
}

std::shared_ptr<const SenderMap> AuthFiles::senders() const {
  return senders_ ? senders_->table() : nullptr;
}

}  // namespace postern::gateway
