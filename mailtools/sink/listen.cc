// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/listen.h"

#include "base/ip.h"

#include <fmt/format.h>

#include <charconv>

namespace postern::sink {

Result<net::Endpoint, SinkError> parse_listen(std::string_view text) {
  const SinkError wrong{fmt::format(
      "instead of --listen \"{}\" write an address and a port, such as 127.0.0.1:2525, 0.0.0.0:25 "
      "or [::1]:2525; port 0 takes one that is free",
      text)};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool in_brackets = host.size() > 1 && host.front() == '[' && host.back() == ']';
  if (in_brackets) host = host.substr(1, host.size() - 2);
  if (host.empty()) host = "0.0.0.0";
  const auto address = parse_ip(host);
  std::uint16_t number = 0;
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool is_port = !port.empty() && ec == std::errc() && end == port.data() + port.size();
  if (!address || !is_port || address->is_v6() != in_brackets) return wrong;
  return net::Endpoint(*address, number);
}

std::string listen_text(const net::Endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

}  // namespace postern::sink
