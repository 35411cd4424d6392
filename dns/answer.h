// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/message.h"
#include "dns/resolver.h"

#include <optional>

namespace postern::dns {

/// The types that are asked for; the values are DNS's (RFC 1035 section 3.2.2, RFC 3596, RFC 6698).
enum class RecordType : std::uint16_t {
  a = 1,
  cname = 5,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  tlsa = 52,
};

/// What one query found.
struct Answer {
  Status status = Status::server_failure;
  bool secure = false;               ///< the server says so (AD); the caller decides whether it may
  std::vector<MxRecord> mx;          ///< for RecordType::mx; at most 100
  std::vector<IpAddress> addresses;  ///< for RecordType::a and aaaa; at most 64
  std::vector<TlsaRecord> tlsa;      ///< for RecordType::tlsa; at most 100
  /// For RecordType::txt the strings of each record, joined: at most 100, of 16 KiB together,
  /// or one; for ptr and cname the names, at most 4.
  std::vector<std::string> texts;
  std::string canonical;        ///< the name at the end of the aliases: the owner of the records
  std::chrono::seconds ttl{0};  ///< the least of the records' and aliases'; 0 when there are none
  /// How long a negative answer may be kept, by the SOA beside it (RFC 2308 section 5); nullopt: it
  /// does not say.
  std::optional<std::chrono::seconds> negative_ttl;
};

/// What the channel's callback was given, as an answer: `status` is an ARES_* code, `octets` the
/// message from the server (may be anything when the status is a failure). Records of other owners
/// than the question's name or what its aliases lead to are passed over. A record of the type that
/// does not parse, aliases in a circle, and more TLSA records than are kept make the whole a
/// server_failure; of other types what is beyond the limits is left out. Pure; any thread.
Answer read_answer(RecordType type, int status, Octets octets);

/// A and AAAA together, IPv6 first. What is known of one counts when the other could not be asked.
AddressAnswer join(const Answer& v6, const Answer& v4);

}  // namespace postern::dns
