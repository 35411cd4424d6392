// SPDX-License-Identifier: Apache-2.0
#include "directories/ldap_settings.h"

#include "base/printable.h"
#include "directories/ldap_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <ldap.h>
#include <memory>

namespace postern::directories {
namespace {

struct FreeUrl {
  void operator()(LDAPURLDesc* url) const { ::ldap_free_urldesc(url); }
};
using Url = std::unique_ptr<LDAPURLDesc, FreeUrl>;

Url parse_url(const std::string& text) {
  LDAPURLDesc* url = nullptr;
  if (::ldap_url_parse(text.c_str(), &url) != LDAP_URL_SUCCESS) return nullptr;
  return Url(url);
}

bool is_empty(const char* text) {
  return text == nullptr || *text == '\0';
}

void check_server(const LdapSettings& settings,
                  const std::string& text,
                  std::vector<LdapProblem>& out) {
  const Url url = parse_url(text);
  const std::string_view scheme = url ? url->lud_scheme : "";
  if (!url || (scheme != "ldap" && scheme != "ldaps") || is_empty(url->lud_host) ||
      text.find_first_of(" \t") != std::string::npos) {
    out.push_back({"servers",
                   fmt::format("\"{}\" is no server: write \"ldaps://dc1.company.ru\" or "
                               "\"ldap://dc1.company.ru:389\"",
                               printable(text))});
    return;
  }
  if (!is_empty(url->lud_dn) || url->lud_attrs != nullptr || !is_empty(url->lud_filter)) {
    out.push_back({"servers",
                   fmt::format("\"{}\" says more than a server: base, attributes and filter have "
                               "keys of their own",
                               printable(text))});
  }
  if (scheme == "ldaps" && settings.start_tls) {
    out.push_back({"start_tls",
                   fmt::format("\"{}\" is TLS from its beginning: write ldap:// or leave start_tls "
                               "out",
                               printable(text))});
  }
  if (scheme == "ldap" && !settings.start_tls && !settings.bind_password.empty()) {
    out.push_back({"servers",
                   fmt::format("the password goes to \"{}\" unencrypted: write ldaps:// or "
                               "start_tls = true",
                               printable(text)),
                   true});
  }
}

bool is_dn(const std::string& text) {
  LDAPDN dn = nullptr;
  if (::ldap_str2dn(text.c_str(), &dn, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS) return false;
  if (dn != nullptr) ::ldap_dnfree(dn);
  return true;
}

void check_names(const LdapSettings& settings, std::vector<LdapProblem>& out) {
  if (!is_dn(settings.base)) {
    out.push_back({"base",
                   fmt::format("\"{}\" is no DN: write \"dc=company,dc=ru\"",  //
                               printable(settings.base))});
  }
  // Active Directory also takes user@domain and DOMAIN\user, so any text may be an account.
  if (!settings.bind_dn.empty() && settings.bind_password.empty()) {
    // RFC 4513 5.1.2: a name without a password is anonymous on many servers, silently.
    out.push_back(
        {"bind_password", "bind_dn needs a password: write bind_password = \"file:...\""});
  }
  if (settings.bind_dn.empty() && !settings.bind_password.empty()) {
    out.push_back({"bind_dn", "bind_password needs an account: write bind_dn"});
  }
  for (const std::string& attribute : settings.attributes) {
    if (!is_ldap_attribute(attribute)) {
      out.push_back({"attributes",
                     fmt::format("\"{}\" is no attribute: write \"mail\" or \"proxyAddresses\"",
                                 printable(attribute))});
    }
  }
}

void check_mode(const LdapSettings& settings, bool bulk, std::vector<LdapProblem>& out) {
  const auto filter = LdapFilter::parse(settings.filter);
  if (!filter) {
    out.push_back(
        {"filter",
         fmt::format("column {}: {}", filter.error().position + 1, filter.error().sentence)});
  } else if (bulk && filter->has_placeholders()) {
    out.push_back({"filter",
                   "mode = \"bulk\" reads everybody: write a filter without placeholders, such as "
                   "\"(mail=*)\""});
  } else if (!bulk && !filter->has_placeholders()) {
    out.push_back({"filter",
                   "it finds the same for every address: write {address}, as in "
                   "\"(mail={address})\", or mode = \"bulk\""});
  }
  if (!bulk) return;
  if (settings.attributes.empty()) {
    out.push_back({"attributes",
                   "mode = \"bulk\" reads the addresses from attributes: write "
                   "[\"mail\", \"proxyAddresses\"]"});
  }
  if (settings.page_size == 0 || settings.page_size > 100'000) {
    out.push_back({"page_size", "write 1 to 100000; Active Directory gives 1000 at most"});
  }
}

}  // namespace

std::vector<LdapProblem> check_ldap(const LdapSettings& settings, bool bulk) {
  std::vector<LdapProblem> out;
  if (settings.servers.empty()) {
    out.push_back({"servers", "there is none: write servers = [\"ldaps://dc1.company.ru\"]"});
  }
  for (const std::string& server : settings.servers)
    check_server(settings, server, out);
  check_names(settings, out);
  check_mode(settings, bulk, out);
  if (settings.timeout.count() <= 0) out.push_back({"timeout", "write a time such as \"5s\""});
  return out;
}

std::string ldap_server_name(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  return printable(url.substr(0, url.find('/')));
}

}  // namespace postern::directories
