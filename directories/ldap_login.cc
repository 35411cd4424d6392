// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_login.h"

#include "directories/ldap_connection.h"
#include "directories/ldap_filter.h"
#include "smtp/address.h"

#include <chrono>
#include <optional>
#include <vector>

namespace postern::directories {
namespace {

using Deadline = LdapConnection::Deadline;

bool next_server_may_know(const LdapFailure& failure) {
  return failure.trouble == LdapTrouble::lost || failure.trouble == LdapTrouble::busy;
}

/// One server's verdict; nullopt: another may know.
std::optional<LdapVerdict> ask(const LdapSettings& settings,
                               const std::string& url,
                               const std::string& filter,
                               const std::string& password,
                               Deadline deadline) {
  const auto failed = [](const LdapFailure& failure) {
    return next_server_may_know(failure) ? std::nullopt : std::optional(LdapVerdict::unavailable);
  };
  auto connection = LdapConnection::open(settings, url, deadline);
  if (!connection) return failed(connection.error());
  LdapSearch search;
  search.filter = filter;
  search.size_limit = 2;
  std::vector<std::string> names;
  const auto found = connection->search(
      search, deadline, [&names](const LdapEntry& entry) { names.push_back(entry.dn); });
  if (!found) return failed(found.error());
  // Without a name, or without a password, a bind succeeds and means nothing (RFC 4513 5.1.2).
  if (names.size() != 1 || found->over_limit || names.front().empty() || password.empty())
    return LdapVerdict::wrong;
  LdapSettings as_user = settings;
  as_user.bind_dn = names.front();
  as_user.bind_password = password;
  const auto bound = LdapConnection::open(as_user, url, deadline);
  if (bound) return LdapVerdict::right;
  return bound.error().is_of_account ? LdapVerdict::wrong : failed(bound.error());
}

}  // namespace

LdapVerdict check_ldap_password(const LdapSettings& settings,
                                const std::string& address,
                                const std::string& password) {
  const auto mailbox = smtp::Mailbox::parse(address);
  const auto filter = LdapFilter::parse(settings.filter);
  if (!filter || !filter->has_placeholders()) return LdapVerdict::unavailable;
  if (!mailbox || !mailbox->has_domain()) return LdapVerdict::wrong;
  const std::string text = filter->text_for({address, mailbox->local(), mailbox->domain()});
  const Deadline deadline = std::chrono::steady_clock::now() + settings.timeout;
  for (const std::string& url : settings.servers) {
    const std::optional<LdapVerdict> verdict = ask(settings, url, text, password, deadline);
    if (verdict) return *verdict;
  }
  return LdapVerdict::unavailable;
}

}  // namespace postern::directories
