// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace postern::send {

/// What a client must not do, done on purpose to see what a server makes of it.
enum class Violation : std::uint8_t {
  // The message.
  bare_lf,
  bare_cr,
  nul,
  long_line,
  eight_bit_unasked,
  no_dot_stuffing,
  no_end,
  smuggle_lf,
  smuggle_lf_crlf,
  smuggle_cr,
  // The dialogue.
  pregreeting,
  no_helo,
  pipelining_unasked,
  data_early,
  starttls_injection,
  bare_lf_command,
  nul_command,
  long_command,
  unbracketed,
  space_after_colon,
  unknown_parameter,
  size_lie,
  rcpt_first,
  data_first,
  nested_mail,
  data_after_bdat,
  bdat_size,
  no_quit,
};

using Violations = std::set<Violation>;

struct ViolationFacts {
  Violation violation;
  std::string_view name;  ///< as it is typed
  std::string_view what;  ///< one line for --help, with the rule that is broken
};

std::span<const ViolationFacts> all_violations();
std::string_view name_of(Violation violation);
std::optional<Violation> read_violation(std::string_view name);

/// A message (CRLF at the ends of lines) with what is wrong with its octets, before dots are
/// doubled.
std::string spoiled(std::string message, const Violations& violations);

/// What goes behind DATA: dots doubled (RFC 5321 section 4.5.2), and the end. `envelope`: MAIL,
/// RCPT and DATA of a second letter, which only a server that ends messages wrongly sees.
std::string data_octets(std::string_view message,
                        const Violations& violations,
                        std::string_view envelope);

/// One that tries to smuggle a second letter is among them.
bool smuggles(const Violations& violations);

}  // namespace postern::send
