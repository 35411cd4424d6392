// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mta_sts/policy_service.h"

#include <optional>

namespace postern::mta_sts {

/// Whom a look-up asks; all of them outlive it.
struct FetchTools {
  dns::Resolver* resolver = nullptr;
  HttpsClient* https = nullptr;
  std::uint16_t port = 443;
  std::function<WallTime()> now;
};

/// How one look-up ended.
struct Looked {
  enum class Outcome : std::uint8_t {
    fetched,    ///< `stored` is the domain's policy from now on
    unchanged,  ///< the record names the policy that is known already
    absent,     ///< no policy is announced, or none could be had
  };
  Outcome outcome = Outcome::absent;
  StoredPolicy stored;
  Verdict otherwise;                ///< what holds where no earlier policy is in force
  std::chrono::seconds pause{300};  ///< nobody is asked again before
};

/// Is it time to fetch it anew, even under the same id: half of its life is over, or a day?
bool is_half_over(const StoredPolicy& stored, WallTime now);

/// Asks DNS for the domain's record, and its web server for the policy where that is new (RFC 8461
/// sections 3.1 and 3.3). `domain`: as dns::query_name() gives it; `before`: what was known. On the
/// resolver's thread.
net::Awaitable<Looked> look(std::string domain,
                            std::optional<StoredPolicy> before,
                            FetchTools tools);

/// What a web server's answer says. Pure.
Result<Policy, Verdict> policy_of(const HttpsAnswer& answer);

}  // namespace postern::mta_sts
