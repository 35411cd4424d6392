// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "directories/ldap_limits.h"
#include "directories/ldap_settings.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

struct ldap;
struct ldapmsg;

namespace postern::directories {

/// Who may answer when one server did not.
enum class LdapTrouble : std::uint8_t {
  lost,     ///< no connection, no trust in it, or no answer in time: anew, or another server
  busy,     ///< the server says not now: another server
  refused,  ///< account or password, TLS name or certificate: nobody, and again may lock the
            ///< account
  setting,  ///< base, filter or rights: nobody until an administrator has changed something
};

/// Why there is no answer; `text` is printable and does not name the server.
struct LdapFailure {
  LdapTrouble trouble = LdapTrouble::lost;
  std::string text;
  bool is_of_account = false;  ///< of a bind: the account or its password, nothing else
};

/// One value of an entry. Values may be any octets.
struct LdapValue {
  std::string attribute;
  std::string value;
};
struct LdapEntry {
  std::string dn;
  std::vector<LdapValue> values;
};

struct LdapSearch {
  std::string filter;
  int size_limit = 0;         ///< entries, 0: the server's own limit
  std::size_t page_size = 0;  ///< 0: not paged; else RFC 2696
  std::string cookie;         ///< of the page before
  std::stop_token stop;       ///< ends the wait with `lost`
  std::string entry;          ///< a DN: that entry alone, whatever base and scope the settings have
  std::vector<std::string> attributes = {};  ///< empty: those of the settings
};
struct LdapFound {
  bool over_limit = false;  ///< there are more entries than size_limit
  std::string cookie;       ///< empty: that was the last page
};

/// A bound LDAPv3 connection to one server. Its calls block, none longer than its deadline, except
/// that a server's name is looked up by the system's resolver with the limits of that. One thread.
/// Referrals are not followed. Source: RFC 4511, RFC 4513 (TLS, bind), RFC 2696.
class LdapConnection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Connects, encrypts as the settings say, and binds. The settings outlive the connection.
  static Result<LdapConnection, LdapFailure> open(const LdapSettings& settings,
                                                  const std::string& url,
                                                  Deadline deadline);

  /// Searches the settings' base. `take` gets each entry with the settings' attributes, perhaps a
  /// part of their values alone (ldap_ranges.h). It asks for nothing by itself. After a
  /// failure of trouble `lost` the connection is of no more use.
  Result<LdapFound, LdapFailure> search(const LdapSearch& search,
                                        Deadline deadline,
                                        const std::function<void(const LdapEntry&)>& take);

 private:
  struct Unbind {
    void operator()(ldap* handle) const;
  };
  explicit LdapConnection(const LdapSettings& settings, ldap* handle)
      : settings_(&settings), limits_(std::make_unique<LdapLimits>()), handle_(handle) {}

  Result<void, LdapFailure> set_options(Deadline deadline);
  Result<void, LdapFailure> set_tls_options();
  Result<void, LdapFailure> connect(bool is_ldaps);
  Result<void, LdapFailure> bind();
  Result<int, LdapFailure> send(const LdapSearch& search, Deadline deadline);
  Result<LdapFound, LdapFailure> finish(ldapmsg* message, bool paged);
  LdapEntry read(ldapmsg* entry);
  LdapFailure failure(int code, const char* doing);

  const LdapSettings* settings_;
  std::unique_ptr<LdapLimits> limits_;  ///< at an address that stays
  std::unique_ptr<ldap, Unbind> handle_;
};

}  // namespace postern::directories
