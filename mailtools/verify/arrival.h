// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What mailboxes give back: IMAP's answers, and letters as they arrived. Octets of strangers:
// whatever they are, the functions end, and what they return is bounded by what they were given.
// Pure; any thread.

namespace postern::verify {

/// The UIDs of "* SEARCH 3 17" lines (RFC 9051 section 7.3.4 has ESEARCH, which is not asked for).
/// What is no number is passed over; at most `most` of them.
std::vector<std::uint32_t> parse_search(std::string_view answer, std::size_t most = 10000);

/// The folders of "* LIST (...) "/" name" lines that can be selected, as IMAP has them (RFC 9051
/// section 7.3.1); names that come as literals are passed over.
std::vector<std::string> parse_list(std::string_view answer, std::size_t most = 1000);

/// A header field, unfolded, without its line end.
struct HeaderField {
  std::string name;
  std::string value;
};

/// The fields of a message up to the empty line; at most 500, each at most 16 KiB.
std::vector<HeaderField> parse_header(std::string_view message);

/// What a report says of the recipient that could not be reached (RFC 3464 section 2.3).
struct Bounce {
  std::string recipient;   ///< Final-Recipient's address; empty: not told
  std::string status;      ///< "5.1.1"; empty: not told
  std::string diagnostic;  ///< the refusing server's words; may be empty
};

/// A letter of ours, or a report about one, in a mailbox.
struct Arrival {
  std::string token;              ///< of the letter
  std::optional<Bounce> bounce;   ///< it is a report, not the letter itself
  std::vector<std::string> path;  ///< servers that it passed, the first one first (Received)
  /// The client's address in the gateway's first Received field; empty: there is no such field.
  std::string client_at_gateway;
};

/// What `message` (or its beginning) is to the run `run`; nullopt: nothing of ours. `gateway`: the
/// gateway's hostname, as its Received field has it.
std::optional<Arrival> examine(std::string_view message,
                               std::string_view run,
                               std::string_view gateway);

/// "corp.com -> exchange.company.ru -> gw.company.ru".
std::string arrows(const std::vector<std::string>& path);

/// The field that marks a letter; its value is the letter's token.
inline constexpr std::string_view kMarkField = "X-Postern-Verify";

}  // namespace postern::verify
