// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::tls_report {

/// Where a domain wants its reports (RFC 8460 section 3).
struct Destination {
  enum class Kind : std::uint8_t { mail, https };
  Kind kind = Kind::mail;
  std::string address;  ///< mail: the mailbox, decoded
  std::string host;     ///< https: lower case
  std::uint16_t port = 443;
  std::string path;  ///< https: with its leading slash, and the query
  friend bool operator==(const Destination&, const Destination&) = default;
};

/// Of one record; more are passed over.
inline constexpr std::size_t kMostDestinations = 10;

/// The destinations that these TXT records of _smtp._tls.DOMAIN name; empty: none, since there is
/// no record, there are several, or it is not well-formed (section 3). URIs that are neither mail
/// nor https are passed over. Pure; any thread.
std::vector<Destination> destinations_of(const std::vector<std::string>& records);

/// One "mailto:" or "https:" URI; nullopt: it is something else, or not well-formed. Parameters of
/// a "mailto:" are passed over.
std::optional<Destination> destination_of(std::string_view uri);

}  // namespace postern::tls_report
