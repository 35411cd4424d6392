// SPDX-License-Identifier: Apache-2.0
#include "directories/setting.h"
#include "gateway/check_parts.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::gateway {

void for_each_setting(
    const Config& config,
    const std::function<void(const std::string& path, const std::string& text)>& take) {
  if (!config.routing.recipients.directory.empty()) {
    take("recipients.directory", config.routing.recipients.directory);
  }
  for (std::size_t i = 0; i < config.routing.domains.size(); ++i) {
    const routing::Domain& domain = config.routing.domains[i];
    if (!domain.directory.empty()) take(fmt::format("domain[{}].directory", i), domain.directory);
    if (!domain.cutover.empty()) take(fmt::format("domain[{}].cutover", i), domain.cutover);
  }
  // A wave's own file is looked at with its lines (check_waves).
  for (std::size_t i = 0; i < config.routing.waves.size(); ++i) {
    const std::string& members = config.routing.waves[i].members;
    if (!file_of(members)) take(fmt::format("wave[{}].members", i), members);
  }
}

std::set<std::string> names_in_settings(const Config& config) {
  std::set<std::string> out;
  for_each_setting(config, [&out](const std::string&, const std::string& text) {
    const auto setting = directories::parse_setting(text);
    if (!setting) return;
    directories::for_each_leaf(*setting, [&out](const directories::Setting& leaf) {
      if (leaf.kind != directories::Setting::Kind::file) out.insert(leaf.name);
    });
  });
  const AccountsSetting accounts = parse_accounts(config.auth.accounts);
  if (accounts.kind == AccountsSetting::Kind::ldap) out.insert(accounts.name);
  return out;
}

void check_directories(const Config& config, Findings& out) {
  const std::set<std::string> used = names_in_settings(config);
  for (std::size_t i = 0; i < config.directories.size(); ++i) {
    const directories::Config& directory = config.directories[i];
    const std::string path = fmt::format("directory[{}]", i);
    if (!used.contains(directory.name)) {
      out.warning(path + ".name",
                  "unused-directory",
                  fmt::format("nothing asks \"{0}\"; write directory = \"{1}:{0}\" in [recipients] "
                              "or a [[domain]], or leave it out",
                              directory.name,
                              kind_name(directory.kind)));
    }
    if (directory.kind != directories::Kind::ldap) continue;
    const directories::LdapConfig& ldap = directory.ldap;
    if (!ldap.verify) {
      out.warning(path + ".verify",
                  "not-verified",
                  "whoever stands between can answer for the server; write verify = true, and "
                  "ca = \"/path\" for an authority of your own");
    }
    const bool clear =
        !ldap.start_tls &&
        std::any_of(ldap.servers.begin(), ldap.servers.end(), [](const std::string& url) {
          return url.starts_with("ldap://");
        });
    if (clear && !ldap.bind_dn.empty()) {
      out.warning(path + ".servers",
                  "secret-in-clear",
                  "the account's secret crosses the network in clear text; write ldaps://, or "
                  "start_tls = true");
    }
  }
}

}  // namespace postern::gateway
