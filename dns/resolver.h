// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip.h"
#include "base/net.h"
#include "base/tlsa.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::dns {

/// How a query ended. The first three are facts about the name; the rest mean that nothing is
/// known.
enum class Status : std::uint8_t {
  ok,              ///< records
  no_data,         ///< the name exists, records of this type do not
  nx_domain,       ///< the name does not exist
  bad_name,        ///< the name cannot be asked for (empty label, over 255 octets, not IDN)
  server_failure,  ///< SERVFAIL, REFUSED or an answer that does not parse: transient
  timed_out,       ///< no server answered: transient
};

/// True when asking again may help.
constexpr bool is_transient(Status s) {
  return s == Status::server_failure || s == Status::timed_out;
}
std::string_view status_text(Status s);

struct MxRecord {
  std::uint16_t preference = 0;
  std::string exchange;  ///< without a trailing dot; "" is the null MX's "."
};

struct MxAnswer {
  Status status = Status::ok;
  std::vector<MxRecord> records;  ///< as answered, not ordered
  std::chrono::seconds ttl{0};
  bool secure = false;  ///< DNSSEC has validated it, and the resolver that says so is trusted
};

struct AddressAnswer {
  Status status = Status::ok;
  std::vector<IpAddress> addresses;
  std::chrono::seconds ttl{0};
  bool secure = false;  ///< as in MxAnswer; of a CNAME too
};

struct TlsaAnswer {
  Status status = Status::ok;
  std::vector<TlsaRecord> records;  ///< as answered
  std::chrono::seconds ttl{0};
  bool secure = false;  ///< as in MxAnswer
};

/// Asks DNS. One a worker thread, used only on that thread. Domain names are given as U-labels or
/// A-labels.
class Resolver {
 public:
  virtual ~Resolver() = default;
  virtual net::Awaitable<MxAnswer> mx(std::string domain) = 0;
  /// A and AAAA together: IPv6 first when both are there (RFC 6724 default), `no_data` when neither
  /// is.
  virtual net::Awaitable<AddressAnswer> addresses(std::string host) = 0;
  /// TLSA of _PORT._tcp.HOST. A resolver that cannot ask for them: `no_data`, not secure.
  virtual net::Awaitable<TlsaAnswer> tlsa(std::string host, std::uint16_t port);
};

}  // namespace postern::dns
