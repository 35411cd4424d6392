// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "routing/tls_policy.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace postern::routing {

/// What the server behind a next hop does with mail: limits of delivery, and what `check` assumes.
enum class Behaviour : std::uint8_t { relay, exchange, vk_workspace, final };

/// "10.0.0.5:25", "[2001:db8::1]:25", "mail.company.ru", or "mx:company.ru", with its place among
/// the hosts of its next hop (RFC 2782). The hosts behind an "mx:" have one place together, and
/// among themselves the order of their MX preferences.
struct HostSpec {
  std::string host;  ///< a name, or an address without brackets
  std::uint16_t port = 25;
  bool mx = false;             ///< the MX of `host` is meant
  std::uint16_t priority = 0;  ///< lower ones are tried first; where the next hop is `weighted`
  std::uint16_t weight = 0;    ///< share of the searches among hosts of the same priority
  std::string str() const;
};

/// What postern may do to one next hop at a time. Defaults by behaviour: mail-flow.md, "What
/// Exchange does".
struct NextHopLimits {
  unsigned connections_per_host = 50;
  unsigned recipients_per_transaction = 1000;
  unsigned messages_per_connection = 1000;
  std::chrono::seconds connection_lifetime{3600};  ///< renewed before this; Exchange cuts at 10 min
  unsigned messages_per_minute = 0;                ///< deliveries begun; 0: no limit
  std::chrono::seconds idle{60};                   ///< an idle connection is kept so long
  std::chrono::seconds retry_first{0};  ///< the first pause of a retry; 0: as `[retry]` says
  std::chrono::seconds retry_max{0};    ///< the longest; 0: the same

  static NextHopLimits for_behaviour(Behaviour behaviour);
};

/// How postern logs in at a next hop; an empty user: it does not.
struct NextHopLogin {
  std::string user;
  std::string password;       ///< the secret itself, once the config is loaded
  std::string password_file;  ///< where it is from, for findings
  friend bool operator==(const NextHopLogin&, const NextHopLogin&) = default;
};

/// Where mail can be sent by name: the `[[next_hop]]` table. Immutable, owned by the config
/// snapshot.
struct NextHop {
  std::string name;
  std::vector<HostSpec> hosts;
  bool weighted = false;  ///< hosts go by priority and weight; false: tried as they are listed
  Behaviour behaves = Behaviour::relay;
  IpSet sources;         ///< R7: clients that count as this next hop
  bool chunking = true;  ///< BDAT when offered; default false towards Exchange
  using Tls = TlsLevel;
  Tls tls = Tls::may;
  TlsSettings tls_settings;
  NextHopLogin login;
  NextHopLimits limits;
  std::chrono::seconds probe{0};  ///< pause between two probes of a host; 0: none are made
};

}  // namespace postern::routing
