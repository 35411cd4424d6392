// SPDX-License-Identifier: Apache-2.0
#include "auth/mechanism.h"
#include "directories/ldap_filter.h"
#include "gateway/config_reader.h"

#include <algorithm>
#include <charconv>

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;

void read_mechanisms(Reader& reader, Section& section) {
  std::vector<std::string>& out = reader.config.auth.mechanisms;
  bool is_empty = true;
  section.each("mechanisms", [&](const std::string& path, const std::string& text) {
    is_empty = false;
    const std::string name = auth::canonical_mechanism(text);
    if (name.empty()) {
      reader.error(path,
                   "bad-value",
                   fmt::format("\"{}\" is no mechanism that there is here; write some of {}",
                               text,
                               quoted_list(auth::mechanism_names())));
    } else if (std::find(out.begin(), out.end(), name) == out.end()) {
      out.push_back(name);
    }
  });
  if (section.has("mechanisms") && is_empty) {
    section.fail("mechanisms",
                 "empty-value",
                 "there is none; leave the key out for all, or write auth = false at listeners");
  }
}

void read_accounts(Section& section, std::string& out) {
  std::string text;
  section.read("accounts", text);
  if (text.empty()) return;
  if (parse_accounts(text).kind == AccountsSetting::Kind::none) {
    section.fail("accounts",
                 "bad-value",
                 fmt::format("\"{}\" does not say who knows the accounts; write "
                             "\"file:{}\", \"ldap:NAME\" or \"dovecot:/path\"",
                             text,
                             text.find('/') == std::string::npos ? "/path" : text));
    return;
  }
  out = text;
}

/// Accounts that an LDAP server knows: which one, and how their entries are found.
void resolve_ldap_accounts(Reader& reader) {
  const AccountsSetting setting = parse_accounts(reader.config.auth.accounts);
  if (setting.kind != AccountsSetting::Kind::ldap) return;
  const directories::Config* const directory = reader.config.find_directory(setting.name);
  if (directory == nullptr || directory->kind != directories::Kind::ldap) {
    reader.error("auth.accounts",
                 "unknown-directory",
                 fmt::format("there is no directory \"{}\" of kind \"ldap\"; write a "
                             "[[directory]] of that name",
                             setting.name));
    return;
  }
  // Without the address itself, ann@company.ru and ann@elsewhere.org would be one account.
  const std::string& filter = directory->ldap.filter;
  const bool has_address = filter.find("{address}") != std::string::npos;
  if (has_address || !directories::check_filter(filter))
    return;  // one that is none: said elsewhere
  reader.error("auth.accounts",
               "bad-value",
               fmt::format("the filter of \"{}\" does not find an account by its address; write a "
                           "[[directory]] whose filter has {{address}}",
                           setting.name));
}

}  // namespace

AccountsSetting parse_accounts(std::string_view text) {
  using Kind = AccountsSetting::Kind;
  const std::pair<std::string_view, Kind> kinds[] = {
      {"file:",    Kind::file   },
      {"ldap:",    Kind::ldap   },
      {"dovecot:", Kind::dovecot}
  };
  for (const auto& [prefix, kind] : kinds) {
    if (text.starts_with(prefix) && text.size() > prefix.size())
      return {kind, std::string(text.substr(prefix.size()))};
  }
  return {};
}

Parsed<auth::Rate> parse_rate(std::string_view text) {
  const Mistake mistake{fmt::format("\"{}\" is no rate; write \"10 in 10m\"", text)};
  const std::size_t in = text.find(" in ");
  if (in == std::string_view::npos) return mistake;
  auth::Rate rate;
  const std::string_view count = text.substr(0, in);
  const auto [end, ec] = std::from_chars(count.begin(), count.end(), rate.count);
  if (ec != std::errc() || end != count.end() || rate.count < 1 || rate.count > 1'000'000)
    return mistake;
  const Parsed<std::chrono::milliseconds> window = parse_duration(text.substr(in + 4));
  if (!window) return window.error();
  rate.window = std::chrono::duration_cast<std::chrono::seconds>(*window);
  if (rate.window < 1s || rate.window > 24h || rate.window != *window)
    return Mistake{fmt::format("\"{}\": the span is whole seconds, 1s to 1d", text)};
  return rate;
}

void read_rate(Section& section, std::string_view key, auth::Rate& out) {
  std::string text;
  section.read(key, text);
  if (!section.has(key) || text.empty()) return;
  const Parsed<auth::Rate> rate = parse_rate(text);
  if (rate) {
    out = *rate;
  } else {
    section.fail(key, "bad-rate", rate.error().text);
  }
}

void read_auth(Reader& reader, Section& section) {
  AuthConfig& auth = reader.config.auth;
  read_accounts(section, auth.accounts);
  read_file_setting(section, "senders", auth.senders);
  read_mechanisms(reader, section);
  read_rate(section, "failures_per_client", auth.limits.per_client);
  read_rate(section, "failures_per_account", auth.limits.per_account);
  section.read("failure_delay", auth.failure_delay, 0ms, kMostFailureDelay);
}

void read_listener_auth(Section& section, ListenerConfig& listener) {
  if (section.has("auth")) {
    listener.auth = true;
    section.read("auth", *listener.auth);
  } else {
    bool absent = false;  // the key is known all the same
    section.read("auth", absent);
  }
  section.read("auth_without_tls", listener.auth_without_tls);
}

void read_next_hop_login(Reader& reader, Section& section, routing::NextHop& hop) {
  std::string file;
  section.read("user", hop.login.user);
  read_file_setting(section, "password", file);
  hop.login.password_file = file_of(file).value_or("");
  if (hop.login.user.empty() && hop.login.password_file.empty()) return;
  if (hop.login.user.empty() || !section.has("password")) {
    section.fail(hop.login.user.empty() ? "password" : "user",
                 "missing-key",
                 "a login has both; write user = \"...\" and password = \"file:/path\"");
  }
  if (hop.tls == routing::NextHop::Tls::none) {
    reader.error(section.path_of("tls"),
                 "contradiction",
                 "postern logs in over TLS alone; write tls = \"encrypt\"");
  }
}

void resolve_auth(Reader& reader) {
  resolve_ldap_accounts(reader);
  const Config& config = reader.config;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    if (!listener.auth.value_or(false) || !config.auth.accounts.empty()) continue;
    reader.error(fmt::format("listener[{}].auth", i),
                 "no-accounts",
                 "nobody can log in, since there are no accounts; write [auth] accounts = "
                 "\"file:/path\"");
  }
}

bool offers_auth(const Config& config, const ListenerConfig& listener) {
  if (config.auth.accounts.empty()) return false;
  return listener.auth.value_or(listener.role == routing::Role::submission);
}

}  // namespace postern::gateway
