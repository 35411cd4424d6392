// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mailtools/send/options.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Values of options, read one by one. Private to the folder; pure but for what says otherwise.

namespace postern::send {

std::string in_capitals(std::string text);
/// Parts between commas, without spaces at their ends; empty ones go.
std::vector<std::string> comma_list(std::string_view text);
std::optional<unsigned long> read_number(std::string_view text);
/// A number, or a service's name, which the system knows.
std::optional<std::uint16_t> read_port(const std::string& text);

/// "mx.test", "mx.test:2525", "[2001:db8::1]:25", "mx.test/2525".
struct HostPort {
  std::string host;
  std::string port;  ///< empty: not said
};
HostPort split_host(const std::string& text);

/// What swaks' names of protocols stand for.
struct Protocol {
  std::string_view name;
  std::string_view verb;
  std::uint16_t port;
  bool auth;
  bool starttls;
  bool tls_on_connect;
};
const Protocol* find_protocol(const std::string& name);

/// "tlsv1_2,tlsv1_3", "no_tlsv1_2": what it leaves of the versions. What is wrong; empty: nothing.
std::string read_tls_versions(const std::string& list, talk::TlsTerms& terms);
/// "success,failure,ret=hdrs,envid=x". What is wrong; empty: nothing.
std::string read_dsn(const std::string& list, DsnOptions& dsn);
/// A value within XCLIENT (RFC 3461 section 4).
std::string xtext(std::string_view text);

/// This machine's name with its domain, as far as the system knows; "localhost" otherwise.
std::string own_host_name();
/// Who runs this: $LOGNAME or the system's name of the user.
std::string own_user_name();

}  // namespace postern::send
