// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Where a server is, as people write it. Pure; any thread.

namespace postern {

/// What has colons of its own, an IPv6 address, in brackets (RFC 3986 3.2.2); anything else as it
/// is.
std::string bracketed(std::string_view host);
/// "10.0.0.5:25", "[2001:db8::5]:25", "mx.company.ru:25".
std::string host_port(std::string_view host, std::uint16_t port);
/// The same of an address.
std::string endpoint_text(const net::Endpoint& endpoint);

/// An address and a port, IPv6 in brackets and nothing else in them; 0 is a port. nullopt: anything
/// else.
std::optional<net::Endpoint> parse_endpoint(std::string_view text);

}  // namespace postern
