// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_filter.h"
#include "directories/setting.h"
#include "directories/sql_query.h"
#include "directories/sql_source.h"
#include "gateway/config_reader.h"
#include "smtp/address.h"

#include <algorithm>
#include <array>
#include <string_view>

// [[directory]], and the settings that name one.

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using directories::Kind;
using directories::Setting;

/// Keys that say something for one kind alone.
struct KeyOfKind {
  std::string_view key;
  Kind kind;
};
constexpr KeyOfKind kKeys[] = {
    {"servers",       Kind::ldap},
    {"start_tls",     Kind::ldap},
    {"ca",            Kind::ldap},
    {"verify",        Kind::ldap},
    {"bind_dn",       Kind::ldap},
    {"bind_password", Kind::ldap},
    {"base",          Kind::ldap},
    {"scope",         Kind::ldap},
    {"filter",        Kind::ldap},
    {"attributes",    Kind::ldap},
    {"mode",          Kind::ldap},
    {"refresh",       Kind::ldap},
    {"page_size",     Kind::ldap},
    {"connection",    Kind::sql },
    {"password",      Kind::sql },
    {"query",         Kind::sql },
    {"next_hop",      Kind::smtp},
    {"mail_from",     Kind::smtp},
    {"batch",         Kind::smtp}
};

/// "directory[0]".
std::string path_of(const Section& section) {
  const std::string name = section.path_of("name");
  return name.substr(0, name.rfind('.'));
}

void read_secret(Section& section, std::string_view key, std::string& file) {
  std::string text;
  section.read(key, text);
  if (text.empty()) return;
  const std::optional<std::string> path = file_of(text);
  if (path) {
    file = *path;
  } else {
    section.fail(key,
                 "bad-value",
                 "a secret does not stand in the config; put it into a file and write "
                 "\"file:/path\"");
  }
}

void read_servers(Reader& reader, Section& section, directories::LdapConfig& out) {
  const std::size_t before = reader.findings.size();
  section.each("servers", [&](const std::string& path, const std::string& url) {
    const bool plain = url.starts_with("ldap://");
    const bool tls = url.starts_with("ldaps://");
    if ((!plain && !tls) || url.find_first_of(" \t,", 0) != std::string::npos ||
        url.ends_with("://")) {
      return reader.error(
          path,
          "bad-server",
          fmt::format("\"{}\" is no server; write \"ldaps://dc1.company.ru\"", url));
    }
    if (tls && out.start_tls) {
      return reader.error(path,
                          "tls-twice",
                          "ldaps:// is TLS from the first octet; write \"ldap://...\", or leave "
                          "start_tls out");
    }
    out.servers.push_back(url);
  });
  if (section.has("servers") && out.servers.empty() && reader.findings.size() == before) {
    section.fail("servers",
                 "empty-value",
                 "this list is empty; write servers = [\"ldaps://dc1.company.ru\"]");
  }
}

/// The form of RFC 4515 as far as it guards against slips: balanced, and only known placeholders.
void check_filter(Section& section, const directories::LdapConfig& ldap) {
  int depth = 0;
  bool closes = true;
  for (const char c : ldap.filter) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (depth < 0) closes = false;
  }
  if (!closes || depth != 0 || !ldap.filter.starts_with('(') || !ldap.filter.ends_with(')')) {
    section.fail(
        "filter",
        "bad-filter",
        fmt::format("\"{}\" is no filter (RFC 4515); write \"(mail={{address}})\"", ldap.filter));
    return;
  }
  bool asks = false;
  for (std::size_t at = ldap.filter.find('{'); at != std::string::npos;
       at = ldap.filter.find('{', at + 1)) {
    const std::string_view rest = std::string_view(ldap.filter).substr(at);
    const std::string_view name = rest.substr(0, rest.find('}') + 1);
    asks = true;
    if (name == "{address}" || name == "{local}" || name == "{domain}") continue;
    section.fail("filter",
                 "bad-filter",
                 fmt::format("there is no {}; write {{address}}, {{local}} or {{domain}}",
                             name.empty() ? rest : name));
    return;
  }
  const bool bulk = ldap.mode == directories::LdapMode::bulk;
  if (bulk == asks) {
    section.fail("filter",
                 "bad-filter",
                 bulk ? "a bulk load asks about everybody; write a filter without {...}, such as "
                        "\"(proxyAddresses=*)\", or mode = \"query\""
                      : "this filter gives the same answer for everybody; write \"{address}\" "
                        "in it, or mode = \"bulk\"");
    return;
  }
  const Result<void, directories::FilterError> form = directories::check_filter(ldap.filter);
  if (!form) section.fail("filter", "bad-filter", form.error().sentence);
}

void read_ldap(Reader& reader, Section& section, directories::LdapConfig& out) {
  using directories::LdapMode;
  using directories::Scope;
  section.read("start_tls", out.start_tls);
  read_servers(reader, section, out);
  section.read("ca", out.ca);
  section.read("verify", out.verify);
  section.read("bind_dn", out.bind_dn);
  read_secret(section, "bind_password", out.bind_password_file);
  section.read("base", out.base);
  section.read<Scope>("scope",
                      out.scope,
                      {
                          {"sub",  Scope::sub },
                          {"one",  Scope::one },
                          {"base", Scope::base}
  });
  section.read<LdapMode>("mode",
                         out.mode,
                         {
                             {"query", LdapMode::query},
                             {"bulk",  LdapMode::bulk }
  });
  if (out.mode == LdapMode::bulk) out.filter = "(proxyAddresses=*)";
  section.read("filter", out.filter);
  if (section.has("attributes")) out.attributes.clear();
  section.each("attributes", [&](const std::string& path, const std::string& name) {
    if (name.empty() || name.find_first_of(" \t,()*") != std::string::npos) {
      return reader.error(
          path, "bad-value", fmt::format("\"{}\" is no attribute; write \"mail\"", name));
    }
    out.attributes.push_back(name);
  });
  section.read("refresh", out.refresh, 1s, 24h);
  section.read<unsigned>("page_size", out.page_size, 1, 100'000);
}

void read_sql(Section& section, directories::SqlConfig& out) {
  section.read("connection", out.connection);
  read_secret(section, "password", out.password_file);
  section.read("query", out.query);
}

void read_smtp(Section& section, directories::SmtpConfig& out) {
  section.read("next_hop", out.next_hop);
  section.read("mail_from", out.mail_from);
  section.read<unsigned>("batch", out.batch, 1, 1000);
  if (!out.mail_from.empty() && !smtp::Mailbox::parse(out.mail_from)) {
    section.fail("mail_from",
                 "bad-value",
                 fmt::format("\"{}\" is no address; write \"\" for the null sender, or "
                             "\"postmaster@company.ru\"",
                             out.mail_from));
  }
}

void require_keys(Reader& reader, Section& section, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (section.has(key)) continue;
    const std::string_view value = key == "servers"      ? "[\"ldaps://dc1.company.ru\"]"
                                   : key == "base"       ? "\"dc=company,dc=ru\""
                                   : key == "connection" ? "\"postgresql://user@host/db\""
                                   : key == "query"
                                       ? "\"SELECT 1 FROM mailboxes WHERE address = $1\""
                                       : "\"...\"";
    reader.error(path_of(section),
                 "missing-key",
                 fmt::format("the key \"{0}\" is missing; write {0} = {1}", key, value));
  }
}

/// What only the kind's own keys say: missing ones, and those of another kind.
void check_kind(Reader& reader, Section& section, const directories::Config& config) {
  for (const auto& [key, kind] : kKeys) {
    if (kind == config.kind || !section.has(key)) continue;
    section.fail(key,
                 "wrong-kind",
                 fmt::format("this is a key of kind \"{}\", and the directory is of kind \"{}\"; "
                             "leave it out",
                             kind_name(kind),
                             kind_name(config.kind)));
  }
  if (config.kind == Kind::smtp && section.has("connections")) {
    section.fail(
        "connections", "wrong-kind", "this is a key of kinds \"ldap\" and \"sql\"; leave it out");
  }
  switch (config.kind) {
    case Kind::ldap:
      require_keys(reader, section, {"servers", "base"});
      check_filter(section, config.ldap);
      if (section.has("bind_dn") != section.has("bind_password")) {
        section.fail(section.has("bind_dn") ? "bind_dn" : "bind_password",
                     "half-an-account",
                     "an account is a name and a secret; write bind_dn and bind_password, or "
                     "neither");
      }
      return;
    case Kind::sql:
      require_keys(reader, section, {"connection", "query"});
      if (section.has("query") && config.sql.query.find("$1") == std::string::npos) {
        section.fail("query",
                     "bad-query",
                     "this query does not ask about an address; write $1 where it belongs");
      } else if (const auto fault = directories::find_query_fault(config.sql.query);
                 section.has("query") && fault) {
        section.fail("query", "bad-query", *fault);
      }
      if (const auto fault = directories::find_connection_fault(config.sql.connection);
          section.has("connection") && fault) {
        section.fail("connection", "bad-connection", *fault);
      }
      return;
    case Kind::smtp:
      require_keys(reader, section, {"next_hop"});
  }
}

void read_directory(Reader& reader, Section& section) {
  directories::Config out;
  section.read("name", out.name, Need::required);
  if (out.name.find_first_of(" \t():\"") != std::string::npos) {
    section.fail("name",
                 "bad-value",
                 fmt::format("\"{}\" cannot be named in a setting; write letters, digits, \"-\" "
                             "and \"_\"",
                             out.name));
  }
  const std::size_t before = reader.findings.size();
  section.read<Kind>("kind",
                     out.kind,
                     {
                         {"ldap", Kind::ldap},
                         {"sql",  Kind::sql },
                         {"smtp", Kind::smtp}
  });
  if (!section.has("kind")) {
    reader.error(path_of(section),
                 "missing-key",
                 "the key \"kind\" is missing; write kind = \"ldap\", \"sql\" or \"smtp\"");
  }
  const bool kind_is_known = reader.findings.size() == before;
  section.read("timeout", out.timeout, 10ms, 60s);
  section.read<unsigned>("connections", out.connections, 1, 64);
  section.read("known_for", out.cache.known_for, 0s, 24h * 30);
  section.read("unknown_for", out.cache.unknown_for, 0s, 24h * 30);
  section.read("stale_for", out.cache.stale_for, 0s, 24h * 30);
  section.read<std::size_t>("cache_size", out.cache.size, 1, 10'000'000);
  read_ldap(reader, section, out.ldap);
  read_sql(section, out.sql);
  read_smtp(section, out.smtp);
  if (kind_is_known) check_kind(reader, section, out);
  reader.config.directories.push_back(std::move(out));
}

}  // namespace

void read_setting(Section& section, std::string_view key, std::string& out) {
  section.read(key, out);
  if (!out.empty()) check_setting(section, key, out);
}

void check_setting(Section& section, std::string_view key, const std::string& text) {
  const Result<Setting, directories::SettingError> setting = directories::parse_setting(text);
  if (!setting) section.fail(key, "bad-value", setting.error().message);
}

void read_cutover(Section& section, routing::Domain& domain) {
  std::string text;
  section.read("cutover", text);
  constexpr std::array<std::string_view, 6> kSchemes{
      "file:", "ldap:", "sql:", "smtp:", "all:", "any:"};
  const bool is_setting = std::any_of(
      kSchemes.begin(), kSchemes.end(), [&](std::string_view s) { return text.starts_with(s); });
  if (!is_setting) {
    domain.cutover_file = text;
    return;
  }
  read_setting(section, "cutover", text);
  if (const std::optional<std::string> path = file_of(text)) {
    domain.cutover_file = *path;
  } else {
    domain.cutover = text;
  }
}

void read_directories(Reader& reader, Section& top) {
  top.each_table("directory", [&reader](Section& section) { read_directory(reader, section); });
}

}  // namespace postern::gateway
