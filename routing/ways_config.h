// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"

#include <cstdint>
#include <string>
#include <vector>

// What the stages beyond the rules' own are told: docs/ways.md. Parts of routing::Config.
// Patterns of addresses are those of AddressPatterns (routing/address_patterns.h); a list that is
// empty asks nothing, and all that are not empty must match.

namespace postern::routing {

/// `[[sender_route]]`
struct SenderRoute {
  std::vector<std::string> senders;
  IpSet clients;
  std::string via;   ///< name of a next hop
  bool all = false;  ///< also recipients at domains of ours
};

/// `[[rewrite]]`: either `map`, or `from` and `to`: two addresses, or two domains ("@old.ru").
struct RewriteRule {
  std::string from;
  std::string to;
  std::string map;  ///< path of a file of "old new" lines; empty: none
};

/// `[[journal]]`
struct Journal {
  std::string to;   ///< address of the archive
  std::string via;  ///< name of a next hop
  std::vector<std::string> senders;
  std::vector<std::string> recipients;
};

/// `[[list]]`
struct ListRule {
  enum class Action : std::uint8_t { discard, reject } action = Action::reject;
  std::vector<std::string> senders;
  std::vector<std::string> recipients;
  IpSet clients;
  std::string reply;  ///< text of the 550 5.7.1
};

}  // namespace postern::routing
