// SPDX-License-Identifier: Apache-2.0
#include "dns/config.h"

#include "base/endpoint_text.h"
#include "base/ip.h"

namespace postern::dns {

std::string server_error(const std::string& server) {
  if (parse_ip(server)) return {};
  const std::optional<net::Endpoint> where = parse_endpoint(server);
  if (where && where->port() != 0) return {};
  return "'" + server + "' is no address of a DNS server: ADDRESS, ADDRESS:PORT or [IPv6]:PORT";
}

}  // namespace postern::dns
