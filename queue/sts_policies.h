// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "tls/failure.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postern::queue {

/// The MTA-STS policy of a domain (RFC 8461), or why it is not known.
struct StsVerdict {
  enum class Mode : std::uint8_t { none, testing, enforce };
  bool found =
      false;  ///< a policy, fetched or still good; false with `failure` none: there is none
  Mode mode = Mode::none;
  std::vector<std::string> mx;  ///< patterns, lower case: "mail.example.com", "*.example.net"
  std::string id;
  /// The policy's lines as they were fetched: for reports.
  std::vector<std::string> lines;
  /// sts_policy_fetch_error, sts_policy_invalid or sts_webpki_invalid: there is a record in DNS,
  /// and no policy that is good; mail goes as without one (RFC 8461 section 5.1).
  tls::Failure failure = tls::Failure::none;
  std::string detail;  ///< of the failure, in words
};

/// Asks for policies. Owned by the server, shared by all workers: any thread may call, on its own
/// executor; answers within a bounded time.
class StsPolicies {
 public:
  virtual ~StsPolicies() = default;
  /// `domain`: the recipient's, lower case, A-labels or U-labels.
  virtual net::Awaitable<StsVerdict> policy(std::string domain) = 0;
};

}  // namespace postern::queue
