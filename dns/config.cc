// SPDX-License-Identifier: Apache-2.0
#include "dns/config.h"

#include "base/ip.h"

#include <charconv>

namespace postern::dns {
namespace {

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  return ec == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

}  // namespace

std::string server_error(const std::string& server) {
  if (parse_ip(server)) return {};
  const std::string_view text = server;
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = parse_ip(host);
  if (colon != std::string_view::npos && address && address->is_v6() == bracketed &&
      is_port(text.substr(colon + 1))) {
    return {};
  }
  return "'" + server + "' is no address of a DNS server: ADDRESS, ADDRESS:PORT or [IPv6]:PORT";
}

}  // namespace postern::dns
