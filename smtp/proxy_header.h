// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::smtp {

/// What a balancer says of a connection before its first octet: the PROXY protocol, versions 1 and
/// 2 (haproxy's doc/proxy-protocol.txt). A value.
struct ProxyHeader {
  /// The client's and our end are told: TCP over IPv4 or IPv6. Otherwise the balancer speaks for
  /// itself (LOCAL: a health check) or does not know (UNKNOWN, UNSPEC, a UNIX socket): the
  /// connection's own ends count.
  bool has_ends = false;
  bool is_local = false;  ///< LOCAL: nobody is behind it
  IpAddress client;
  std::uint16_t client_port = 0;
  IpAddress server;  ///< where the client has connected to
  std::uint16_t server_port = 0;
};

/// What the first octets of a connection are.
struct ProxyParse {
  enum class State : std::uint8_t {
    incomplete,  ///< a header may come of it: all of it belongs to that
    complete,    ///< `octets` of it are the header; what follows is the client's
    malformed,   ///< no header, or a wrong one: nothing of the connection can be believed
  };
  State state = State::incomplete;
  std::size_t octets = 0;
  ProxyHeader header;
  std::string_view why;  ///< of one that is malformed: a literal
};

/// Longest header that is taken. Version 1 has 107 at most; in version 2 what follows the addresses
/// (TLVs, such as what TLS the balancer speaks) is read over, apart from a CRC32c, which must be
/// right.
inline constexpr std::size_t kMostProxyOctets = 16 + 8192;

/// Pure: the same octets, the same answer. Never asks for more than a header has.
ProxyParse parse_proxy_header(std::string_view octets);

}  // namespace postern::smtp
