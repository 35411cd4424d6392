// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <system_error>

namespace postern::smtp {

/// What can be wrong with bytes that a peer sent. Each value has one sentence, used in replies and
/// logs.
enum class Errc {
  empty_path = 1,       ///< `<>` where an address is needed (RCPT)
  missing_brackets,     ///< a path without `<` and `>` (RFC 5321 4.1.2)
  bad_local_part,       ///< neither Dot-string nor Quoted-string
  bad_domain,           ///< neither sub-domain *("." sub-domain) nor an address literal
  bad_address_literal,  ///< `[...]` that is no IPv4, IPv6 or tagged literal
  bad_source_route,     ///< `@a,@b:` that does not parse (RFC 5321 4.1.1.3)
  local_part_too_long,  ///< over 64 octets (RFC 5321 4.5.3.1.1)
  domain_too_long,      ///< over 255 octets (RFC 5321 4.5.3.1.2)
  path_too_long,        ///< over 256 octets with its brackets (RFC 5321 4.5.3.1.3)
  needs_smtputf8,       ///< octets above 127 without SMTPUTF8 (RFC 6531)
  bad_utf8,             ///< octets above 127 that are not UTF-8
  unknown_parameter,    ///< an ESMTP parameter that was not offered: 555 (RFC 5321 4.1.1.11)
  duplicate_parameter,  ///< the same ESMTP parameter twice
  bad_parameter_value,  ///< a parameter whose value does not parse
  missing_argument,     ///< a verb without the argument that it needs
  unexpected_argument,  ///< an argument on a verb that takes none
  control_character,    ///< NUL, CR or another control character inside a command
  bad_reply,            ///< a reply that is not `DDD[ -]text` (RFC 5321 4.2)
  reply_too_long,       ///< a reply beyond the lines or octets that are kept
  closed_by_peer,       ///< the peer closed the connection in the middle
  timed_out,            ///< a deadline passed
};

const std::error_category& category();
std::error_code make_error_code(Errc code);

}  // namespace postern::smtp

template <>
struct std::is_error_code_enum<postern::smtp::Errc> : std::true_type {};
