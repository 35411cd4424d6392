// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "dns/resolver.h"
#include "mta_sts/https_client.h"
#include "mta_sts/policy_store.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace postern::mta_sts {

/// What is known of a domain's policy.
struct Verdict {
  enum class Kind : std::uint8_t {
    none,         ///< it has none, or DNS could not be asked
    found,        ///< `policy` is in force
    unreachable,  ///< it announces one that could not be fetched (sts-policy-fetch-error)
    untrusted,    ///< its web server's certificate does not verify (sts-webpki-invalid)
    invalid,      ///< what its web server has is no policy (sts-policy-invalid)
  };
  Kind kind = Kind::none;
  Policy policy;
  std::string id;      ///< of the record that announced the policy
  std::string detail;  ///< a sentence about what failed
};

/// The MTA-STS policies of the domains that mail is sent to: asked for once, kept in memory and on
/// disk for as long as they say, fetched anew in the background while they are used. A valid policy
/// stays in force when DNS or the web server fail later (RFC 8461 sections 3.3 and 5.1). One for
/// the process, with a thread of its own; outlives the coroutines that ask it.
class PolicyService {
 public:
  struct Options {
    std::string folder;            ///< where policies are kept; empty: in memory alone
    HttpsClient::Options https;    ///< `octets` and `limit` of RFC 8461 section 3.3 by default
    std::uint16_t port = 443;      ///< of web servers
    std::size_t domains = 10'000;  ///< known at a time, with and without a policy
    std::function<std::unique_ptr<dns::Resolver>(net::Executor)> resolver;
    std::function<WallTime()> now = [] { return std::chrono::system_clock::now(); };
    std::chrono::milliseconds sweep{60'000};  ///< pause between two looks for what is to be renewed
  };

  explicit PolicyService(Options options);
  ~PolicyService();
  PolicyService(PolicyService&&) = delete;

  /// What is in force for mail to `domain` at this moment. Waits when nothing is known: no longer
  /// than DNS and the fetch take together. Any thread that runs an io_context.
  net::Awaitable<Verdict> policy(std::string domain);
  /// What is known without asking anybody. Any thread.
  Verdict known(const std::string& domain) const;
  /// Ends its thread, and whoever waits is told that there is no policy. The owner's thread.
  void stop();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace postern::mta_sts
