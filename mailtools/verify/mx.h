// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "dns/resolver.h"
#include "mailtools/verify/outcome.h"
#include "mailtools/verify/plan.h"

#include <string>
#include <vector>

namespace postern::verify {

/// Where mail for a domain goes by DNS: its MX hosts, the most wanted first, with their addresses.
struct MailExchangers {
  struct Host {
    std::string name;
    std::vector<IpAddress> addresses;
  };
  dns::Status status = dns::Status::ok;  ///< of the MX question, or of a host's that failed
  bool implicit = false;                 ///< no MX: the domain's own addresses (RFC 5321 5.1)
  std::vector<Host> hosts;
};

/// At most ten hosts are looked up. The coroutine's `resolver` outlives it.
net::Awaitable<MailExchangers> find_exchangers(dns::Resolver& resolver, std::string domain);

/// "probe-mx-alias": T's MX must lead to the gateway, all of it.
Row judge_mx_alias(const Plan& plan, const MailExchangers& found);
/// "probe-mx-domain": D has an MX that leads somewhere, and where.
Row judge_mx_domain(const Plan& plan, const MailExchangers& found);

/// Both, asked by the config's name servers. Blocks.
std::vector<Row> probe_mx(const Plan& plan, const gateway::Config& config);

}  // namespace postern::verify
