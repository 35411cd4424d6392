// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/resolver.h"
#include "mta_sts/policy_fetch.h"
#include "mta_sts/policy_store.h"
#include "routing/verdict.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace postern::gateway {

/// How much TLS a delivery to one host would demand at this moment, and what says so.
struct TlsFinding {
  std::string next_hop;  ///< "vk", "mx:company.ru"
  std::string host;      ///< "mx.company.ru:25", "10.0.1.10:25"
  std::string level;     ///< "may", "dane-only": as the config has it
  std::string from;      ///< "next_hop vk", "tls_policy *.company.ru", "the default"
  /// What the delivery comes to: "none", "may", "encrypt", "verify", "refused" (the host is passed
  /// over), or "unknown" (DNS has no address; `host` is what the config has).
  std::string demand;
  std::string by;  ///< of verify: "chain", "pin", "dane"; else empty
  /// What beside the config decided, in words: TLSA records, an MTA-STS policy with its age.
  std::string why;
  bool yields = false;  ///< a message with "TLS-Required: No" is delivered as under "may"
  /// "mx.company.ru:25: TLS, verified by chain (sts of tls_policy *; MTA-STS policy ...)"
  std::string text() const;
};

/// Whom the question of MTA-STS goes to.
struct StsSources {
  std::string folder;  ///< where the gateway keeps its policies; empty: nowhere
  std::string ca;      ///< of web servers; empty: the system's
  std::uint16_t port = 443;
  std::function<mta_sts::WallTime()> now = [] { return std::chrono::system_clock::now(); };
};

struct TlsReport {
  std::vector<TlsFinding> findings;
  bool complete = true;  ///< false: not everything was answered in time
};

/// For each host of a target, as a delivery asks (queue/tls_plan.h): DNS for its addresses and TLSA
/// records; for MTA-STS the policies that the gateway keeps on disk, and where it has none of a
/// domain its web server; nothing is written. Runs `context` until all is answered, or for `wait`.
TlsReport show_tls(const routing::Target& target,
                   const StsSources& sts,
                   dns::Resolver& resolver,
                   net::IoContext& context,
                   std::chrono::milliseconds wait);

/// "MTA-STS policy 20240101 of company.ru: enforce, fetched 3 h ago, for 6 d more".
std::string sts_text(const std::string& domain,
                     const mta_sts::StoredPolicy& policy,
                     mta_sts::WallTime now);

}  // namespace postern::gateway
