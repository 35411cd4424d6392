// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::routing {

/// How much TLS a delivery must have.
enum class TlsLevel : std::uint8_t {
  none,       ///< STARTTLS is not used
  may,        ///< where it is offered and works, else in plain; nothing is verified
  encrypt,    ///< or not at all; nothing is verified
  verify,     ///< as encrypt, and the server proves that it is the one that is meant
  dane,       ///< RFC 7672: as the TLSA records of the host say; without them as may
  dane_only,  ///< the same, and without usable records not at all
  sts,        ///< RFC 8461: as the policy of the domain says; without one as may
};

/// "none", "dane-only", ...: as the config has it.
std::string_view tls_level_name(TlsLevel level);
/// The level itself says that the server is verified, whatever DNS or a policy holds.
constexpr bool is_verified(TlsLevel level) {
  return level == TlsLevel::verify || level == TlsLevel::dane_only;
}

/// What the certificate of a server is compared with, beside the level.
struct TlsSettings {
  /// Lower case; one of them must be the certificate's. Empty: the name of the host (of an MX its
  /// own, not the domain's), or its address where the config has that. The first one is the SNI.
  std::vector<std::string> names;
  /// SHA-256 of the certificate or of its SubjectPublicKeyInfo, 32 octets each. With them one must
  /// match and nothing else is asked: no authority, name or date.
  std::vector<std::string> pins;
  std::string ca;  ///< PEM file of the authorities that count; empty: the system's
  /// What `honour_tls_required_no` says; nullopt: it is not written (yields_to_sender()).
  std::optional<bool> honour_not_required{};
  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

/// A message with "TLS-Required: No" is delivered as under `may`. By default where the recipient's
/// side set the level, which is what RFC 8689 section 3 speaks of; not where the administrator did:
/// a line in a header is no reason to break a rule of the house.
constexpr bool yields_to_sender(TlsLevel level, const TlsSettings& settings) {
  if (level == TlsLevel::none || level == TlsLevel::may) return false;  // there is nothing to waive
  return settings.honour_not_required.value_or(level == TlsLevel::dane || level == TlsLevel::sts);
}

/// `[[tls_policy]]`: for mail that goes by the MX of its recipient's domain. Immutable, owned by
/// the config snapshot.
struct TlsPolicy {
  std::vector<std::string> domains;  ///< exact, "*.sub" or "*", as in `[[route]]`
  TlsLevel tls = TlsLevel::may;
  TlsSettings settings;
};

}  // namespace postern::routing
