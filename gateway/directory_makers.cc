// SPDX-License-Identifier: Apache-2.0
#include "gateway/directory_makers.h"

#include "directories/ldap_bulk.h"
#include "directories/ldap_source.h"
#include "directories/setting.h"
#include "directories/sql_source.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace postern::gateway {
namespace {

directories::LdapScope scope_of(directories::Scope scope) {
  switch (scope) {
    case directories::Scope::sub:
      return directories::LdapScope::sub;
    case directories::Scope::one:
      return directories::LdapScope::one;
    case directories::Scope::base:
      break;
  }
  return directories::LdapScope::base;
}

directories::SourceFactory make_ldap(const directories::Config& config) {
  return [settings = ldap_settings(config)] { return directories::make_ldap_source(settings); };
}

directories::SourceFactory make_sql(const directories::Config& config) {
  directories::SqlSettings settings;
  settings.name = config.name;
  settings.connection = config.sql.connection;
  settings.password = config.sql.password;
  settings.query = config.sql.query;
  settings.timeout = config.timeout;
  return [settings] { return directories::make_sql_source(settings); };
}

bool is_named_in(const std::string& text, const std::string& name) {
  const auto setting = directories::parse_setting(text);
  bool found = false;
  if (!setting) return false;
  directories::for_each_leaf(*setting, [&](const directories::Setting& leaf) {
    found = found || (leaf.kind == directories::Setting::Kind::ldap && leaf.name == name);
  });
  return found;
}

/// A cut-over list or a wave may rightly be empty; an empty list of mailboxes is an account without
/// rights.
bool may_be_empty(const Config& config, const std::string& name) {
  const routing::Config& routing = config.routing;
  return std::any_of(routing.domains.begin(),
                     routing.domains.end(),
                     [&name](const auto& domain) { return is_named_in(domain.cutover, name); }) ||
         std::any_of(routing.waves.begin(), routing.waves.end(), [&name](const auto& wave) {
           return is_named_in(wave.members, name);
         });
}

std::unique_ptr<routing::Directory> make_bulk(const directories::Config& directory,
                                              const Config& config) {
  directories::BulkDirectory::Options options;
  options.name = "ldap " + directory.name;
  options.refresh = directory.ldap.refresh;
  options.may_be_empty = may_be_empty(config, directory.name);
  options.notice = [](const std::string& line) { spdlog::info("{}", line); };
  auto bulk = std::make_unique<directories::BulkDirectory>(
      config.routing, directories::ldap_loader(ldap_settings(directory)), std::move(options));
  // A start or a reload that goes on without it would say 451 to everybody.
  bulk->await_first_load(directory.timeout * 2);
  return bulk;
}

}  // namespace

directories::LdapSettings ldap_settings(const directories::Config& config) {
  const directories::LdapConfig& ldap = config.ldap;
  directories::LdapSettings out;
  out.name = config.name;
  out.servers = ldap.servers;
  out.start_tls = ldap.start_tls;
  out.ca = ldap.ca;
  out.verify = ldap.verify;
  out.bind_dn = ldap.bind_dn;
  out.bind_password = ldap.bind_password;
  out.base = ldap.base;
  out.scope = scope_of(ldap.scope);
  out.filter = ldap.filter;
  out.attributes = ldap.attributes;
  out.timeout = config.timeout;
  out.page_size = ldap.page_size;
  return out;
}

DirectoryMakers& makers_of_process() {
  static DirectoryMakers makers{make_ldap, make_sql, make_bulk, {}};
  return makers;
}

}  // namespace postern::gateway
