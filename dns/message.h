// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace postern::dns {

/// The octets of a DNS message; borrowed.
using Octets = std::span<const unsigned char>;

/// One resource record (RFC 1035 section 3.2.1). Its data stays in the message, because names in it
/// may point anywhere before them.
struct Record {
  std::string owner;  ///< as read_name() gives it
  std::uint16_t type = 0;
  std::uint16_t rr_class = 0;
  std::uint32_t ttl = 0;  ///< with the top bit set it counts as 0 (RFC 2181 section 8)
  std::size_t begin = 0;  ///< of the data, in the message
  std::size_t size = 0;
};

/// A response, read strictly: every count is honoured, nothing reaches over the end.
struct Message {
  std::uint8_t rcode = 0;
  bool authentic = false;  ///< AD: whoever answered says that DNSSEC proves it (RFC 4035 3.2.3)
  std::string question;    ///< the name that was asked for; "" when there is no question
  std::vector<Record> answers;
  std::vector<Record> authority;
};

/// nullopt: not a whole message. The additional section is not read. Pure; any thread.
std::optional<Message> read_message(Octets octets);

/// The name at `at`, which is moved behind it: labels joined by dots, lower case, no dot at the
/// end, "" for the root; a dot or backslash in a label is escaped with '\', what cannot be printed
/// as \DDD (RFC 1035 section 5.1). Pointers lead backwards only. nullopt: broken, or over 255
/// octets.
std::optional<std::string> read_name(Octets octets, std::size_t& at);

/// `octets` (1 to 4) of network order at `at`, which must be there.
std::uint32_t read_number(Octets octets, std::size_t at, std::size_t count);

}  // namespace postern::dns
