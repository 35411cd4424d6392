// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::smtp {

// XCLIENT and XFORWARD, extensions of Postfix (its XCLIENT_README and XFORWARD_README): a server
// before this one says who its client is. Pure; any thread.

/// Attributes that EHLO announces.
inline constexpr std::string_view kXclientAttributes =
    "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT";
inline constexpr std::string_view kXforwardAttributes = "NAME ADDR PORT PROTO HELO IDENT SOURCE";

/// What XCLIENT says of the client; what is not said is nullopt. A value. [UNAVAILABLE] and
/// [TEMPUNAVAIL] are said, and nothing is known: an empty text, an unspecified address, port 0.
struct ClientOverride {
  std::optional<std::string> name;   ///< by reverse DNS
  std::optional<IpAddress> address;  ///< IPv4-mapped addresses are IPv4
  std::optional<std::uint16_t> port;
  std::optional<bool> esmtp;
  std::optional<std::string> helo;
  std::optional<std::string> login;  ///< who it has logged in as
  std::optional<IpAddress> server;   ///< where it has connected to
  std::optional<std::uint16_t> server_port;
};

/// What is wrong with the attributes, for a 501.
struct BadAttribute {
  std::string sentence;
};

/// `arguments`: what stands behind the verb.
Result<ClientOverride, BadAttribute> parse_xclient(std::string_view arguments);

/// What XFORWARD has said of a message, attribute for attribute: "ADDR=10.0.0.5", fit to be
/// printed. No name is there twice, which bounds it however much is said.
struct Forwarded {
  std::vector<std::string> attributes;

  /// A client tells it in several commands; what is said again replaces what was said before.
  void add(const Forwarded& more);
  /// In one line for the log.
  std::string text() const;
};
Result<Forwarded, BadAttribute> parse_xforward(std::string_view arguments);

}  // namespace postern::smtp
