// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::directories {

enum class LdapScope : std::uint8_t { base, one, sub };

/// What a `[[directory]] kind = "ldap"` says. A plain value; whoever makes a source copies it.
struct LdapSettings {
  std::string name;                  ///< of the [[directory]]; in every evidence
  std::vector<std::string> servers;  ///< ldap:// and ldaps:// URLs, the preferred one first
  bool start_tls = false;            ///< RFC 4511 4.14, on every ldap:// server
  std::string ca;                    ///< PEM file; empty: what the system's ldap.conf trusts
  bool verify = true;         ///< chain and name; libldap checks "localhost" as the host name
  std::string bind_dn;        ///< empty: anonymous
  std::string bind_password;  ///< the secret itself, not the file that it is in
  std::string base;
  LdapScope scope = LdapScope::sub;
  std::string filter;                       ///< as LdapFilter reads it
  std::vector<std::string> attributes;      ///< one must hold the address; empty: any entry will do
  std::chrono::milliseconds timeout{5000};  ///< of one answer, or of one page in bulk mode
  std::size_t page_size = 1000;             ///< bulk mode; Active Directory gives 1000 at most
  /// How long a server that failed is passed over while others answer, and how long an account
  /// that was refused is not tried again.
  std::chrono::milliseconds rest{30'000};
};

/// What is wrong with one key, and what to write instead.
struct LdapProblem {
  std::string_view key;  ///< "servers", "filter", ... as in [[directory]]
  std::string sentence;
  bool is_warning = false;
};

/// For the config reader: `bulk` is mode = "bulk". Asks no server.
std::vector<LdapProblem> check_ldap(const LdapSettings& settings, bool bulk);

/// "dc1.company.ru", with ":port" where the URL names one: how evidence and log name a server.
std::string ldap_server_name(std::string_view url);

}  // namespace postern::directories
