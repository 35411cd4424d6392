// SPDX-License-Identifier: Apache-2.0
#include "gateway/own_addresses.h"

#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <netinet/in.h>

namespace postern::gateway {
namespace {

namespace ip = boost::asio::ip;

/// The addresses of this machine's interfaces; empty when the system does not tell.
std::vector<ip::address> interface_addresses() {
  std::vector<ip::address> out;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return out;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first, ::freeifaddrs);
  for (const ifaddrs* i = first; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr) continue;
    if (i->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, i->ifa_addr, sizeof v4);
      out.emplace_back(ip::address_v4(ntohl(v4.sin_addr.s_addr)));
    } else if (i->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, i->ifa_addr, sizeof v6);
      ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), v6.sin6_addr.s6_addr, bytes.size());
      out.emplace_back(ip::address_v6(bytes));
    }
  }
  return out;
}

}  // namespace

std::vector<net::Endpoint> own_endpoints(const std::vector<net::Endpoint>& bound) {
  std::vector<net::Endpoint> out;
  for (const net::Endpoint& endpoint : bound) {
    if (!endpoint.address().is_unspecified()) {
      out.push_back(endpoint);
      continue;
    }
    for (const ip::address& address : interface_addresses()) {
      const bool same_family = address.is_v4() == endpoint.address().is_v4();
      if (same_family) out.emplace_back(address, endpoint.port());
    }
  }
  return out;
}

}  // namespace postern::gateway
