// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::smtp {

/// What a server said that it can do: its reply to EHLO. All false after HELO.
struct Capabilities {
  bool pipelining = false;                ///< RFC 2920
  bool eight_bit_mime = false;            ///< RFC 6152
  bool smtputf8 = false;                  ///< RFC 6531
  bool chunking = false;                  ///< RFC 3030
  bool binarymime = false;                ///< RFC 3030
  bool dsn = false;                       ///< RFC 3461
  bool starttls = false;                  ///< RFC 3207
  bool requiretls = false;                ///< RFC 8689
  bool enhanced_status_codes = false;     ///< RFC 2034
  bool auth = false;                      ///< RFC 4954: AUTH= may stand on MAIL
  std::string mechanisms;                 ///< of AUTH, as they were offered: "PLAIN LOGIN"
  bool size = false;                      ///< RFC 1870: SIZE= may stand on MAIL
  std::optional<std::uint64_t> max_size;  ///< octets; none: not said, or 0 for "no limit"
  std::optional<std::uint64_t> rcpt_max;  ///< RFC 9422: recipients a transaction
  std::optional<std::uint64_t> mail_max;  ///< RFC 9422: transactions a connection

  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// Reads the text of a positive reply to EHLO (lines separated by '\n'; the first is the greeting
/// and says nothing). Unknown keywords and arguments that do not parse are passed over.
Capabilities parse_capabilities(std::string_view ehlo_text);

}  // namespace postern::smtp
