// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_values.h"

#include "base/endpoint_text.h"
#include "smtp/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace postern::gateway {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Unit kSizes[] = {
    {"",    1            },
    {"b",   1            },
    {"k",   1ULL << 10   },
    {"kb",  1'000        },
    {"kib", 1ULL << 10   },
    {"m",   1ULL << 20   },
    {"mb",  1'000'000    },
    {"mib", 1ULL << 20   },
    {"g",   1ULL << 30   },
    {"gb",  1'000'000'000},
    {"gib", 1ULL << 30   }
};
constexpr Unit kDurations[] = {
    {"ms", 1         },
    {"s",  1'000     },
    {"m",  60'000    },
    {"h",  3'600'000 },
    {"d",  86'400'000}
};
constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();

/// The number at the front of `text`, taken off it; nullopt: none, or too large.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

template <std::size_t N>
std::optional<std::uint64_t> scaled(std::uint64_t number,
                                    std::string_view unit,
                                    const Unit (&units)[N]) {
  for (const Unit& u : units) {
    if (u.name != unit) continue;
    if (number > kMost / u.factor) return std::nullopt;
    return number * u.factor;
  }
  return std::nullopt;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const std::optional<std::uint64_t> port = take_number(text);
  if (!port || !text.empty() || *port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

/// "host:port", "[v6]:port", "host" or "[v6]" in its parts.
struct HostPort {
  std::string_view host;
  std::string_view port;
  bool bracketed = false;
  bool has_port = false;
};

std::optional<HostPort> split_port(std::string_view text) {
  HostPort out;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = text.substr(1, close - 1);
    out.bracketed = true;
    text.remove_prefix(close + 1);
    if (text.empty()) return out;
    if (!text.starts_with(':')) return std::nullopt;
    out.has_port = true;
    out.port = text.substr(1);
    return out;
  }
  const std::size_t colon = text.rfind(':');
  out.host = text.substr(0, colon);
  out.has_port = colon != std::string_view::npos;
  if (out.has_port) out.port = text.substr(colon + 1);
  return out;
}

/// A dotted name of digits alone is an address with a slip in it, never a host.
bool looks_like_address(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// Edits (insert, delete, replace, swap of neighbours) from a to b.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        now[j] = std::min(now[j], before[j - 2] + 1);
      }
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

}  // namespace

Parsed<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  const std::optional<std::uint64_t> number = take_number(rest);
  while (rest.starts_with(' '))
    rest.remove_prefix(1);
  const std::optional<std::uint64_t> size =
      number ? scaled(*number, smtp::ascii_lower(rest), kSizes) : std::nullopt;
  if (!size) {
    return Mistake{fmt::format(
        "\"{}\" is not a size; write \"50MiB\", \"100MB\" or a number of octets", text)};
  }
  return *size;
}

Parsed<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const std::string wrong = fmt::format(
      "\"{}\" is not a duration; write \"30s\", \"1m\", \"4h\", \"5d\" or \"1h30m\"", text);
  std::uint64_t sum = 0;
  std::string_view rest = text;
  do {
    const std::optional<std::uint64_t> number = take_number(rest);
    const std::size_t unit_end = std::min(rest.find_first_of("0123456789"), rest.size());
    const std::optional<std::uint64_t> part =
        number ? scaled(*number, rest.substr(0, unit_end), kDurations) : std::nullopt;
    if (!part || *part > kMost - sum) return Mistake{wrong};
    sum += *part;
    rest.remove_prefix(unit_end);
  } while (!rest.empty());
  return std::chrono::milliseconds(sum);
}

Parsed<routing::HostSpec> parse_host(std::string_view text) {
  const std::string_view examples =
      "write \"10.0.0.5:25\", \"[2001:db8::1]:25\", \"mail.company.ru\" or \"mx:company.ru\"";
  routing::HostSpec out;
  if (text.starts_with("mx:")) {
    const Parsed<std::string> domain = parse_domain(text.substr(3));
    if (!domain) return domain.error();
    out.host = *domain;
    out.mx = true;
    return out;
  }
  // "2001:db8::1" has colons of its own: without brackets it has no port.
  if (const std::optional<IpAddress> address = parse_ip(text)) {
    out.host = address->to_string();
    return out;
  }
  const std::optional<HostPort> parts = split_port(text);
  if (!parts) return Mistake{fmt::format("\"{}\" is not a host; {}", text, examples)};
  if (parts->has_port) {
    const std::optional<std::uint16_t> port = parse_port(parts->port);
    if (!port || *port == 0) {
      return Mistake{
          fmt::format("\"{}\" has the port \"{}\"; write one from 1 to 65535", text, parts->port)};
    }
    out.port = *port;
  }
  if (const std::optional<IpAddress> address = parse_ip(parts->host)) {
    if (address->is_v6() && !parts->bracketed) {
      return Mistake{
          fmt::format("\"{}\" is ambiguous; write \"{}\"", text, host_port(parts->host, out.port))};
    }
    out.host = address->to_string();
    return out;
  }
  const Parsed<std::string> name = parse_domain(parts->host);
  if (!name || parts->bracketed || looks_like_address(parts->host)) {
    return Mistake{fmt::format("\"{}\" is not a host; {}", text, examples)};
  }
  out.host = *name;
  return out;
}

Parsed<Bind> parse_bind(std::string_view text) {
  const std::optional<HostPort> parts = split_port(text);
  const std::optional<IpAddress> address = parts ? parse_ip(parts->host) : std::nullopt;
  if (const std::optional<IpAddress> whole = parse_ip(text)) {
    return Mistake{fmt::format("\"{0}\" has no port; write \"{1}:25\"",
                               text,
                               whole->is_v6() ? fmt::format("[{}]", text) : std::string(text))};
  }
  const std::optional<std::uint16_t> port =
      parts && parts->has_port ? parse_port(parts->port) : std::nullopt;
  if (!address || !port) {
    return Mistake{fmt::format(
        "\"{}\" is not an address and a port; write \"0.0.0.0:25\" or \"[::]:25\"", text)};
  }
  if (address->is_v6() != parts->bracketed) {
    return Mistake{
        fmt::format("\"{}\" is ambiguous; IPv6 addresses alone stand in brackets, write "
                    "\"0.0.0.0:25\" or \"[::]:25\"",
                    text)};
  }
  return Bind{*address, *port};
}

Parsed<IpPrefix> parse_prefix(std::string_view text) {
  if (const std::optional<IpPrefix> prefix = IpPrefix::parse(text)) return *prefix;
  const std::size_t slash = text.find('/');
  const std::optional<IpAddress> address = parse_ip(text.substr(0, slash));
  if (!address) {
    return Mistake{
        fmt::format("\"{}\" is not an address or block; write \"10.0.0.5\", \"10.0.1.0/24\" or "
                    "\"2001:db8:7::/48\"",
                    text)};
  }
  std::string_view digits = text.substr(slash + 1);
  const std::optional<std::uint64_t> length = take_number(digits);
  const unsigned most = address->is_v4() ? 32 : 128;
  if (!length || !digits.empty() || *length > most) {
    return Mistake{fmt::format(
        "\"{}\" has no prefix length; write a number from 0 to {} after the slash", text, most)};
  }
  return Mistake{fmt::format(
      "\"{0}\" has bits set behind its first {1}; write \"{2}\" for this address alone, or the "
      "block's first address with /{1}",
      text,
      *length,
      address->to_string())};
}

Parsed<std::string> parse_domain(std::string_view text) {
  std::string name = smtp::ascii_lower(text);
  if (name.ends_with('.')) name.pop_back();
  if (name.starts_with('@')) {
    return Mistake{fmt::format("\"{}\" is not a domain; write \"{}\"", text, name.substr(1))};
  }
  if (name.starts_with('[') || !smtp::validate_domain(name, true)) {
    return Mistake{fmt::format("\"{}\" is not a domain; write a name like \"company.ru\"", text)};
  }
  return name;
}

Parsed<std::string> parse_route_domain(std::string_view text) {
  if (text == "*") return std::string(text);
  const bool subdomains = text.starts_with("*.");
  const Parsed<std::string> domain = parse_domain(subdomains ? text.substr(2) : text);
  if (!domain) {
    return Mistake{fmt::format(
        "\"{}\" is not a domain; write \"company.ru\", \"*.company.ru\" (its subdomains) or \"*\"",
        text)};
  }
  return subdomains ? "*." + *domain : *domain;
}

std::optional<std::string> nearest(std::string_view text,
                                   const std::vector<std::string>& candidates) {
  // A name of a whole line is no slip, and the distance costs its square.
  if (text.size() > 64) return std::nullopt;
  const std::string wanted = smtp::ascii_lower(text);
  std::optional<std::string> best;
  std::size_t least = std::max<std::size_t>(2, wanted.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(wanted, smtp::ascii_lower(candidate));
    if (distance < least && distance < std::max(wanted.size(), candidate.size())) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string quoted_list(const std::vector<std::string>& names) {
  constexpr std::size_t kMostShown = 20;
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i == kMostShown) return out + ", ...";
    out += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", names[i]);
  }
  return out;
}

}  // namespace postern::gateway
