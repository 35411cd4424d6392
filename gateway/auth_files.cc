// SPDX-License-Identifier: Apache-2.0
#include "gateway/auth_files.h"

#include "auth/dovecot_source.h"
#include "directories/ldap_login.h"
#include "gateway/config.h"
#include "gateway/directory_makers.h"
#include "routing/watched_table_impl.h"

namespace postern::routing {

template class WatchedFile<gateway::WatchedAccounts>;
template class WatchedFile<gateway::SenderMap>;

}  // namespace postern::routing

namespace postern::gateway {

namespace {

using auth::Checked;
using auth::Login;
using auth::PasswordVerdict;

class TableSource final : public auth::PasswordSource {
 public:
  explicit TableSource(std::shared_ptr<const auth::AccountTable> table)
      : table_(std::move(table)) {}
  Checked check(const Login& login) const override {
    return table_->check(login.name, login.password) ? PasswordVerdict::right
                                                     : PasswordVerdict::wrong;
  }
  bool asks_a_server() const override { return false; }

 private:
  const std::shared_ptr<const auth::AccountTable> table_;
};

class LdapLogins final : public auth::PasswordSource {
 public:
  explicit LdapLogins(directories::LdapSettings settings) : settings_(std::move(settings)) {}
  Checked check(const Login& login) const override {
    switch (directories::check_ldap_password(settings_, login.name, login.password)) {
      case directories::LdapVerdict::right:
        return PasswordVerdict::right;
      case directories::LdapVerdict::wrong:
        return PasswordVerdict::wrong;
      case directories::LdapVerdict::unavailable:
        break;
    }
    return PasswordVerdict::unavailable;
  }
  bool asks_a_server() const override { return true; }

 private:
  const directories::LdapSettings settings_;
};

/// Null: accounts are a file, or there are none.
std::shared_ptr<const auth::PasswordSource> make_server(const Config& config) {
  const AccountsSetting setting = parse_accounts(config.auth.accounts);
  if (setting.kind == AccountsSetting::Kind::dovecot)
    return std::make_shared<auth::DovecotSource>(setting.name);
  if (setting.kind != AccountsSetting::Kind::ldap) return nullptr;
  const directories::Config* const directory = config.find_directory(setting.name);
  if (directory == nullptr) return nullptr;  // the reader has refused it
  return std::make_shared<LdapLogins>(ldap_settings(*directory));
}

}  // namespace

AuthFiles::AuthFiles(const Config& whole, const routing::WatchedTable::Options& options)
    : domains_(whole.routing.domains), server_(make_server(whole)) {
  const AuthConfig& config = whole.auth;
  const routing::MailboxRules rules{
      &domains_, whole.routing.recipients.case_sensitive, whole.routing.recipients.delimiter};
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

std::shared_ptr<const auth::PasswordSource> AuthFiles::passwords() const {
  if (server_) return server_;
  std::shared_ptr<const auth::AccountTable> table = accounts();
  return table ? std::make_shared<TableSource>(std::move(table)) : nullptr;
}

std::shared_ptr<const SenderMap> AuthFiles::senders() const {
  return senders_ ? senders_->table() : nullptr;
}

}  // namespace postern::gateway
