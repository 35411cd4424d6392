// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::directories {

enum class Kind : std::uint8_t { ldap, sql, smtp };
/// How far below `base` an LDAP search looks (RFC 4511 4.5.1.2).
enum class Scope : std::uint8_t { sub, one, base };
/// `query`: the server is asked about each address; `bulk`: everything is loaded, and again.
enum class LdapMode : std::uint8_t { query, bulk };

/// How long answers are kept, and how many.
struct CacheConfig {
  std::chrono::milliseconds known_for{std::chrono::minutes(10)};   ///< 0: not kept
  std::chrono::milliseconds unknown_for{std::chrono::minutes(1)};  ///< 0: not kept
  /// How long after its time an answer still counts while the server cannot be asked; 0: never.
  std::chrono::milliseconds stale_for{0};
  std::size_t size = 100'000;  ///< answers
};

struct LdapConfig {
  std::vector<std::string> servers;  ///< URLs, "ldap://" or "ldaps://", in the order of asking
  bool start_tls = false;
  std::string ca;  ///< a PEM file; empty: the system's
  bool verify = true;
  std::string bind_dn;             ///< empty: anonymous
  std::string bind_password_file;  ///< where the secret is from, for findings
  std::string bind_password;       ///< the secret itself, once the config is loaded
  std::string base;
  Scope scope = Scope::sub;
  std::string filter = "(proxyAddresses=smtp:{address})";
  std::vector<std::string> attributes{"mail", "proxyAddresses"};
  LdapMode mode = LdapMode::query;
  std::chrono::milliseconds refresh{std::chrono::minutes(5)};  ///< of a bulk load
  unsigned page_size = 1000;                                   ///< entries (RFC 2696)
};

struct SqlConfig {
  std::string connection;     ///< a libpq connection string or URL, without the password
  std::string password_file;  ///< where the secret is from, for findings
  std::string password;       ///< the secret itself, once the config is loaded
  std::string query;          ///< $1 the address, $2 its local part, $3 its domain
};

struct SmtpConfig {
  std::string next_hop;   ///< a next hop's name
  std::string mail_from;  ///< empty: the null sender
  unsigned batch = 50;    ///< recipients of one transaction
};

/// `[[directory]]`: a server that knows who exists. Plain values, checked for form by the config's
/// reader; only the part of `kind` says anything.
struct Config {
  std::string name;
  Kind kind = Kind::ldap;
  std::chrono::milliseconds timeout{5000};  ///< an answer takes no longer, then `unavailable`
  unsigned connections = 4;                 ///< ldap, sql: asked over so many at a time
  CacheConfig cache;
  LdapConfig ldap;
  SqlConfig sql;
  SmtpConfig smtp;
};

/// "ldap", "sql", "smtp".
std::string_view kind_name(Kind kind);

}  // namespace postern::directories
