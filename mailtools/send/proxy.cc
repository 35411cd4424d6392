// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/proxy.h"

#include "base/base64.h"
#include "base/ip.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace postern::send {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

constexpr unsigned kUnspecified = 0;
constexpr unsigned kInet = 1;
constexpr unsigned kInet6 = 2;
/// The way to a malformed header.
constexpr std::string_view kOrTheWholeHeader = ", or --proxy with the whole header";

struct Named {
  std::string_view name;
  unsigned value;
};
constexpr Named kFamilies[] = {
    {"AF_UNSPEC", kUnspecified},
    {"AF_INET",   kInet       },
    {"AF_INET6",  kInet6      },
    {"TCP4",      kInet       },
    {"TCP6",      kInet6      }
};
constexpr Named kTransports[] = {
    {"UNSPEC", 0},
    {"STREAM", 1},
    {"DGRAM",  2}
};
constexpr Named kCommands[] = {
    {"LOCAL", 0},
    {"PROXY", 1}
};

using OctetsOr = Result<std::string, Mistake>;

/// A Mistake could be made of a string, too.
OctetsOr octets(std::string what) {
  return OctetsOr(boost::system::in_place_value, std::move(what));
}

template <std::size_t N>
Result<unsigned, Mistake> read_named(std::string_view option,
                                     std::string_view text,
                                     const Named (&names)[N]) {
  std::string known;
  for (const Named& one : names) {
    if (one.name == text) return one.value;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", one.name);
  }
  return Mistake{fmt::format("--{}: there is no \"{}\"; write one of {}", option, text, known)};
}

OctetsOr port_octets(std::string_view option, const std::string& text) {
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc() || end != text.data() + text.size()) {
    return Mistake{fmt::format(
        "--{}: \"{}\" is no port; write 0 to 65535{}", option, text, kOrTheWholeHeader)};
  }
  return octets({static_cast<char>(port >> 8), static_cast<char>(port & 0xFF)});
}

OctetsOr address_octets(std::string_view option, const std::string& text, unsigned family) {
  const auto address = parse_ip(text);
  const bool six = family == kInet6;
  const bool fits = address && (family == kUnspecified || address->is_v6() == six);
  if (!fits) {
    return Mistake{fmt::format("--{}: \"{}\" is no IPv{} address; write one such as {}{}",
                               option,
                               text,
                               six ? 6 : 4,
                               six ? "2001:db8::1" : "192.0.2.1",
                               kOrTheWholeHeader)};
  }
  const auto copy = [](const auto& bytes) { return std::string(bytes.begin(), bytes.end()); };
  return octets(address->is_v4() ? copy(address->to_v4().to_bytes())
                                 : copy(address->to_v6().to_bytes()));
}

/// Both addresses, then both ports; all of them fit the family.
OctetsOr ends_of(const ProxyOptions& options, unsigned family) {
  std::string out;
  for (const auto& part : {address_octets("proxy-source", *options.source, family),
                           address_octets("proxy-dest", *options.dest, family),
                           port_octets("proxy-source-port", *options.source_port),
                           port_octets("proxy-dest-port", *options.dest_port)}) {
    if (!part) return part.error();
    out += *part;
  }
  return octets(std::move(out));
}

OctetsOr first_version(const ProxyOptions& options) {
  const std::string& family = *options.family;
  if (family != "TCP4" && family != "TCP6")
    return Mistake{"--proxy-family: write TCP4 or TCP6, or --proxy-version 2"};
  const OctetsOr ends = ends_of(options, family == "TCP6" ? kInet6 : kInet);
  if (!ends) return ends.error();
  return octets(fmt::format("PROXY {} {} {} {} {}",
                            family,
                            *options.source,
                            *options.dest,
                            *options.source_port,
                            *options.dest_port));
}

OctetsOr second_version(const ProxyOptions& options) {
  const auto command = read_named("proxy-command", options.command.value_or("PROXY"), kCommands);
  if (!command) return command.error();
  std::string out(kSignature);
  out += static_cast<char>(0x20 | *command);
  if (*command == 0) return octets(out.append(3, '\0'));
  const auto family = read_named("proxy-family", *options.family, kFamilies);
  if (!family) return family.error();
  const auto protocol =
      read_named("proxy-protocol", options.protocol.value_or("STREAM"), kTransports);
  if (!protocol) return protocol.error();
  out += static_cast<char>(*family << 4 | *protocol);
  const OctetsOr ends = ends_of(options, *family);
  if (!ends) return ends.error();
  out += '\0';
  out += static_cast<char>(ends->size());
  return octets(out + *ends);
}

}  // namespace

bool ProxyOptions::empty() const {
  return !version && !raw && !family && !protocol && !command && !source && !source_port && !dest &&
         !dest_port;
}

Result<ProxyOctets, Mistake> make_proxy_header(const ProxyOptions& options) {
  const std::string version = options.version.value_or("1");
  if (version != "1" && version != "2")
    return Mistake{fmt::format("--proxy-version: there is no {}; write 1 or 2", version)};
  const bool parts = options.family || options.source || options.source_port || options.dest ||
                     options.dest_port || options.protocol || options.command;
  if (options.raw && parts)
    return Mistake{"--proxy is the whole header; leave the other --proxy-... options out"};
  const bool local = version == "2" && options.command == "LOCAL";
  const bool whole =
      options.family && options.source && options.source_port && options.dest && options.dest_port;
  if (!options.raw && !local && !whole) {
    return Mistake{
        "the PROXY header is incomplete; write --proxy-family, --proxy-source, "
        "--proxy-source-port, "
        "--proxy-dest and --proxy-dest-port, or --proxy with all of it"};
  }
  if (version == "1") {
    const OctetsOr line = options.raw ? octets("PROXY " + *options.raw) : first_version(options);
    if (!line) return line.error();
    return ProxyOctets{*line + "\r\n", *line};
  }
  if (options.raw) {
    const std::string all = std::string(kSignature) + *options.raw;
    return ProxyOctets{all, to_base64(all)};
  }
  const OctetsOr all = second_version(options);
  if (!all) return all.error();
  return ProxyOctets{*all, to_base64(*all)};
}

}  // namespace postern::send
