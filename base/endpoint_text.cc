// SPDX-License-Identifier: Apache-2.0
#include "base/endpoint_text.h"

#include "base/ip.h"

#include <charconv>

namespace postern {

std::string bracketed(std::string_view host) {
  if (host.find(':') == std::string_view::npos) return std::string(host);
  return "[" + std::string(host) + "]";
}

std::string host_port(std::string_view host, std::uint16_t port) {
  return bracketed(host) + ":" + std::to_string(port);
}

std::string endpoint_text(const net::Endpoint& endpoint) {
  return host_port(endpoint.address().to_string(), endpoint.port());
}

std::optional<net::Endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (in_brackets) host = host.substr(1, host.size() - 2);
  const std::optional<IpAddress> address = parse_ip(host);
  std::uint16_t number = 0;
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool is_port = ec == std::errc() && end == port.data() + port.size();
  const bool has_colons = host.find(':') != std::string_view::npos;
  if (!address || !is_port || in_brackets != has_colons) return std::nullopt;
  return net::Endpoint(*address, number);
}

}  // namespace postern
