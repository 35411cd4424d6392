// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "base/result.h"
#include "routing/next_hop.h"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// How values are written in the config file. Pure functions; an error is one sentence that says
// what is wrong and what to write instead.

namespace postern::gateway {

/// What is wrong, and what to write instead: `return Mistake{"..."}`. Not made from a plain string,
/// so that a Result whose value is a string stays unambiguous.
struct Mistake {
  Mistake() = default;
  Mistake(std::initializer_list<std::string> one) : text(*one.begin()) {}
  std::string text;
};
template <class T>
using Parsed = Result<T, Mistake>;

/// "50MiB" (1024 based), "100MB" (1000 based), "35000000": octets.
Parsed<std::uint64_t> parse_size(std::string_view text);

/// "500ms", "30s", "1m", "4h", "5d", and sums ("1h30m").
Parsed<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "10.0.0.5:25", "10.0.0.5", "[2001:db8::1]:25", "mail.company.ru:25", "mx:company.ru".
Parsed<routing::HostSpec> parse_host(std::string_view text);

struct Bind {
  IpAddress address;
  std::uint16_t port = 0;
};
/// "ADDRESS:PORT" or "[IPv6]:PORT". Port 0: any that is free.
Parsed<Bind> parse_bind(std::string_view text);

/// "10.0.0.5", "10.0.1.0/24", "2001:db8:7::/48".
Parsed<IpPrefix> parse_prefix(std::string_view text);

/// A domain name in lower case, without a trailing dot.
Parsed<std::string> parse_domain(std::string_view text);

/// A domain of `[[route]]`: exact, "*.sub" or "*".
Parsed<std::string> parse_route_domain(std::string_view text);

/// The candidate that `text` was probably meant to be, by edit distance; nullopt: none is near.
std::optional<std::string> nearest(std::string_view text,
                                   const std::vector<std::string>& candidates);

/// `"a", "b", "c"`; at most 20, then "...".
std::string quoted_list(const std::vector<std::string>& names);

}  // namespace postern::gateway
