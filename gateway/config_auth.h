// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/failure_guard.h"

#include <chrono>
#include <string>
#include <vector>

namespace postern::gateway {

/// `[auth]`.
struct AuthConfig {
  std::string accounts;  ///< "file:/path"; empty: nobody can log in
  std::string senders;   ///< "file:/path": addresses that an account may use; empty: any
  /// In capitals, in the file's order; empty: all that every account can use.
  std::vector<std::string> mechanisms;
  auth::GuardLimits limits;
  std::chrono::milliseconds failure_delay{1000};  ///< of a client's first failure; then doubled
};

/// No failure waits longer: a client's own time limit would end before.
inline constexpr std::chrono::milliseconds kMostFailureDelay{15'000};

}  // namespace postern::gateway
