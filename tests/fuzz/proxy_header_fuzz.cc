// SPDX-License-Identifier: Apache-2.0
#include "smtp/proxy_header.h"

#include <cstdlib>
#include <string_view>

// Whatever a balancer sends: a header lies inside what has come, is the same whatever follows it,
// and no part of it is complete or wrong before.
namespace {

using namespace postern::smtp;
using State = ProxyParse::State;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const ProxyParse parse = parse_proxy_header(octets);
  require((parse.state == State::malformed) == !parse.why.empty());
  if (parse.state == State::incomplete) require(size < kMostProxyOctets);
  if (parse.state != State::complete) return 0;
  require(parse.octets > 0 && parse.octets <= size && parse.octets <= kMostProxyOctets);
  require(!(parse.header.is_local && parse.header.has_ends));
  require(parse.header.has_ends || parse.header.client.is_unspecified());
  const ProxyParse alone = parse_proxy_header(octets.substr(0, parse.octets));
  require(alone.state == State::complete && alone.header.client == parse.header.client);
  for (std::size_t n = parse.octets; n > 0; n = n / 2) {
    const ProxyParse part = parse_proxy_header(octets.substr(0, n - 1));
    require(part.state == State::incomplete);
  }
  return 0;
}
