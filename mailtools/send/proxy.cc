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

struct Named {
  std::string_view name;
  unsigned value;
};
constexpr Named kFamilies[] = {
    {"AF_UNSPEC", 0},
    {"AF_INET",   1},
    {"AF_INET6",  2},
    {"AF_UNIX",   3},
    {"TCP4",      1},
    {"TCP6",      2}
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
  if (ec != std::errc() || end != text.data() + text.size())
    return Mistake{fmt::format("--{}: \"{}\" is no port; write 1 to 65535", option, text)};
  return octets({static_cast<char>(port >> 8), static_cast<char>(port & 0xFF)});
}

OctetsOr address_octets(std::string_view option, const std::string& text) {
  const auto address = parse_ip(text);
  if (!address) {
    return Mistake{
        fmt::format("--{}: \"{}\" is no address; write one such as 192.0.2.1", option, text)};
  }
  const auto copy = [](const auto& bytes) { return std::string(bytes.begin(), bytes.end()); };
  return octets(address->is_v4() ? copy(address->to_v4().to_bytes())
                                 : copy(address->to_v6().to_bytes()));
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
  std::string ends;
  for (const auto& part : {address_octets("proxy-source", *options.source),
                           address_octets("proxy-dest", *options.dest),
                           port_octets("proxy-source-port", *options.source_port),
                           port_octets("proxy-dest-port", *options.dest_port)}) {
    if (!part) return part.error();
    ends += *part;
  }
  out += '\0';
  out += static_cast<char>(ends.size());
  return octets(out + ends);
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
    std::string line = options.raw ? fmt::format("PROXY {}", *options.raw)
                                   : fmt::format("PROXY {} {} {} {} {}",
                                                 *options.family,
                                                 *options.source,
                                                 *options.dest,
                                                 *options.source_port,
                                                 *options.dest_port);
    if (!options.raw && *options.family != "TCP4" && *options.family != "TCP6")
      return Mistake{"--proxy-family: write TCP4 or TCP6, or --proxy-version 2"};
    return ProxyOctets{line + "\r\n", line};
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
