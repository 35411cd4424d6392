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
  bool secure = false;            ///< DNSSEC proves it, says a server that is believed
  std::vector<MxRecord> records;  ///< as answered, not ordered
  std::chrono::seconds ttl{0};
};

struct AddressAnswer {
  Status status = Status::ok;
  bool secure = false;  ///< DNSSEC proves the addresses and every alias on the way to them
  std::vector<IpAddress> addresses;
  std::string canonical;  ///< the name that the aliases of the host lead to; the host without any
  /// The host is an alias: DNSSEC proves it or DNS cannot tell, not what it leads to (RFC 7672
  /// section 2.2.2). Always false where `secure` is true.
  bool secure_alias = false;
  std::chrono::seconds ttl{0};
};

struct TlsaAnswer {
  Status status = Status::ok;
  bool secure = false;
  std::vector<TlsaRecord> records;  ///< as answered: usable or not
  std::chrono::seconds ttl{0};
};

struct TextAnswer {
  Status status = Status::ok;
  bool secure = false;
  std::vector<std::string> texts;  ///< one a record, its strings joined; any octets
  std::chrono::seconds ttl{0};
};

struct NameAnswer {
  Status status = Status::ok;
  std::vector<std::string> names;  ///< lower case, no dot at the end; may be no host names
  std::chrono::seconds ttl{0};
};

/// Asks DNS. One a worker thread, used only on that thread. Domain names are given as U-labels or
/// A-labels. What a resolver does not implement is no_data.
class Resolver {
 public:
  virtual ~Resolver() = default;
  virtual net::Awaitable<MxAnswer> mx(std::string domain) = 0;
  /// A and AAAA together: IPv6 first when both are there (RFC 6724 default), `no_data` when neither
  /// is.
  virtual net::Awaitable<AddressAnswer> addresses(std::string host) = 0;
  /// TLSA at "_PORT._tcp.HOST" (RFC 6698 section 3).
  virtual net::Awaitable<TlsaAnswer> tlsa(std::string host, std::uint16_t port);
  /// TXT; `name` may begin with labels like "_mta-sts".
  virtual net::Awaitable<TextAnswer> txt(std::string name);
  /// PTR: what an address calls itself. Anybody can say anything there: see dns/reverse.h.
  virtual net::Awaitable<NameAnswer> names(IpAddress address);
};

}  // namespace postern::dns
