// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/listen.h"

#include "base/endpoint_text.h"

#include <fmt/format.h>

namespace postern::sink {

Result<net::Endpoint, SinkError> parse_listen(std::string_view text) {
  const SinkError wrong{fmt::format(
      "instead of --listen \"{}\" write an address and a port, such as 127.0.0.1:2525, 0.0.0.0:25 "
      "or [::1]:2525; port 0 takes one that is free",
      text)};
  const std::string all_ipv4 = text.starts_with(':') ? "0.0.0.0" : "";
  const std::optional<net::Endpoint> where = parse_endpoint(all_ipv4 + std::string(text));
  if (!where) return wrong;
  return *where;
}

}  // namespace postern::sink
