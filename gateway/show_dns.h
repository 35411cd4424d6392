// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/resolver.h"
#include "routing/verdict.h"

#include <chrono>
#include <string>
#include <vector>

namespace postern::gateway {

/// One question to DNS and what came of it.
struct DnsFinding {
  std::string type;                  ///< "MX", "A/AAAA", "TLSA"
  std::string name;                  ///< that was asked for
  std::string status;                ///< "records", "NXDOMAIN", ...: dns::status_text()
  bool secure = false;               ///< DNSSEC proves it
  std::vector<std::string> records;  ///< "10 mx.example", "192.0.2.1", "3 1 1 0badf00d"
  /// "MX of example: 10 mx.example (DNSSEC)"
  std::string text() const;
};

/// What DNS says now about the hosts of a target, in the order of asking: MX, the addresses of each
/// host, and the TLSA records of those whose way is secure. Addresses in the config ask nothing.
struct DnsReport {
  std::vector<DnsFinding> findings;
  bool complete = true;  ///< false: DNS has not answered everything in time
};

/// For a command that has no event loop of its own; runs `context` until all is answered, or for
/// `wait`.
DnsReport show_dns(const routing::Target& target,
                   dns::Resolver& resolver,
                   net::IoContext& context,
                   std::chrono::milliseconds wait);

}  // namespace postern::gateway
