// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace postern::dns {

/// How to ask DNS; plain data, from the config's [dns].
struct Config {
  /// "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353"; empty: the system's.
  std::vector<std::string> servers;
  /// For the first answer; doubled with every round over the servers.
  std::chrono::milliseconds timeout{2000};
  /// Rounds over the servers.
  int tries = 3;
  /// Records are kept as long as their TTL says, at most this long.
  std::chrono::seconds max_ttl{3600};
  /// "No such name" and "no such records" are kept as long as the SOA beside them says (RFC 2308
  /// section 5), at most this long; without one a minute at most.
  std::chrono::seconds negative_ttl{900};
  /// Answers kept; 0: none.
  std::size_t cache_entries = 4096;
  /// "DNSSEC proves it" is believed from servers that are not on loopback too: for a network
  /// between here and them that nobody else can write to.
  bool trust_ad = false;
  /// Clients' addresses are looked up (dns/reverse.h), and a session waits so long for it at most.
  bool reverse_lookup = true;
  std::chrono::milliseconds reverse_timeout{1000};
};

/// Why `server` cannot be used as one of Config::servers; empty: it can.
std::string server_error(const std::string& server);

}  // namespace postern::dns
