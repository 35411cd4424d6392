// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "tls/failure.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postern::queue {

/// How one connection attempt went under a policy that TLS-RPT reports about (RFC 8460).
struct TlsOutcome {
  enum class Policy : std::uint8_t { none_found, tlsa, sts };
  Policy policy = Policy::none_found;
  std::vector<std::string> source;       ///< the policy: its lines, or the TLSA records as text
  std::vector<std::string> mx_patterns;  ///< of an STS policy
  std::string domain;                    ///< the recipient's, whose policy it is
  std::string mx_host;                   ///< that was connected to
  net::Endpoint endpoint;                ///< unspecified: no connection was tried
  tls::Failure failure = tls::Failure::none;  ///< none: a success
  std::string detail;                         ///< of the failure, in words
};

/// Takes what is seen. Owned by the server, shared by all workers; any thread may call; must not
/// wait.
class TlsObserver {
 public:
  virtual ~TlsObserver() = default;
  virtual void seen(const TlsOutcome& outcome) = 0;
};

}  // namespace postern::queue
