// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/resolver.h"

#include <span>

namespace postern::dns {

/// The types that are asked for; the values are DNS's (RFC 1035 section 3.2.2, RFC 3596).
enum class RecordType : std::uint16_t { a = 1, mx = 15, aaaa = 28 };

/// What one query found.
struct Answer {
  Status status = Status::server_failure;
  std::vector<MxRecord> mx;          ///< for RecordType::mx
  std::vector<IpAddress> addresses;  ///< for RecordType::a and aaaa
  std::chrono::seconds ttl{0};       ///< the least of the records'; 0 when there are none
};

/// What c-ares's callback was given, as an answer: `status` is an ARES_* code, `message` the octets
/// from the server (may be anything when the status is a failure). Pure; any thread.
Answer read_answer(RecordType type, int status, std::span<const unsigned char> message);

/// The least TTL in the answer section of a DNS message; 0 when that section is empty or broken. A
/// TTL with the top bit set counts as 0 (RFC 2181 section 8).
std::chrono::seconds least_ttl(std::span<const unsigned char> message);

/// A and AAAA together, IPv6 first. What is known of one counts when the other could not be asked.
AddressAnswer join(const Answer& v6, const Answer& v4);

}  // namespace postern::dns
