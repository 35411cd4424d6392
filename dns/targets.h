// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/resolver.h"

#include <random>
#include <string>
#include <vector>

namespace postern::dns {

/// One address of one mail server, in the order in which to try them.
struct Target {
  std::string host;  ///< the name behind the address (for TLS and logs), or the address itself
  net::Endpoint endpoint;
  /// DNSSEC has validated that the domain's mail goes to this host; true where the host was named.
  bool secure_mx = false;
  bool secure_host = false;  ///< and the host's addresses
  // AddressAnswer's, for DANE (RFC 7672 section 2.2.2); of an address in the config nothing.
  std::string canonical{};
  bool secure_alias = false;
};

/// Where mail for a domain goes (RFC 5321 section 5), or why it can go nowhere.
struct Targets {
  enum class Outcome : std::uint8_t {
    found,
    null_mx,     ///< RFC 7505: 556 5.1.10
    no_domain,   ///< NXDOMAIN, or neither MX nor address: 550 5.1.2
    no_address,  ///< MX names of which none has an address: 550 5.4.4
    unknown,     ///< DNS could not be asked: 451 4.4.3
  };
  Outcome outcome = Outcome::found;
  std::vector<Target> targets;
  std::string detail;  ///< one sentence for the log: "SERVFAIL for MX of example.com"
};

/// MX by preference, equals shuffled with `random`; without MX the domain's own addresses; an
/// address literal ("[192.0.2.1]") is itself. At most 20 targets.
net::Awaitable<Targets> mail_targets(Resolver& resolver,
                                     std::string domain,
                                     std::uint16_t port,
                                     std::mt19937& random);

/// The addresses of a named host, in the resolver's order.
net::Awaitable<Targets> host_targets(Resolver& resolver, std::string host, std::uint16_t port);

}  // namespace postern::dns
