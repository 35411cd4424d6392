// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/failure_guard.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::gateway {

/// `auth.accounts`: "file:/path", "ldap:NAME" or "dovecot:/path".
struct AccountsSetting {
  enum class Kind : std::uint8_t { none, file, ldap, dovecot };
  Kind kind = Kind::none;
  std::string name;  ///< the path, or the directory's name
};
/// `none`: the text is empty, or is no such setting.
AccountsSetting parse_accounts(std::string_view text);

/// `[auth]`.
struct AuthConfig {
  std::string accounts;  ///< an AccountsSetting; empty: nobody can log in
  std::string senders;   ///< "file:/path": addresses that an account may use; empty: any
  /// In capitals, in the file's order; empty: all that every account can use.
  std::vector<std::string> mechanisms;
  auth::GuardLimits limits;
  std::chrono::milliseconds failure_delay{1000};  ///< of a client's first failure; then doubled
};

/// No failure waits longer: a client's own time limit would end before.
inline constexpr std::chrono::milliseconds kMostFailureDelay{15'000};

}  // namespace postern::gateway
