// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/tlsa.h"
#include "tls/failure.h"

#include <cstdint>
#include <string>
#include <vector>

namespace postern::tls {

/// What a client handshake asks of the server's certificate. The first of these that is there
/// decides alone: `tlsa`, `pins`, `chain`. Immutable and shared; any thread.
struct PeerCheck {
  /// RFC 7672: one must match. Usages 2 (with the names) and 3 (nothing else is asked) count,
  /// selectors 0 and 1, matchings 0 to 2; with none of these the check fails: tlsa_invalid.
  std::vector<TlsaRecord> tlsa;
  /// SHA-256 of the certificate or of its SubjectPublicKeyInfo, 32 octets each: one must match, and
  /// nothing else is asked, no date either.
  std::vector<std::string> pins;
  /// The authorities of the context have signed it, it is valid now, and for one of the names.
  bool chain = false;
  /// Reference names (RFC 6125), lower case; a certificate's wildcard stands for one whole
  /// left-most label. An address is compared with iPAddress names.
  std::vector<std::string> names;
  /// False: a certificate that fails is taken, and PeerOutcome tells.
  bool must = true;
  friend bool operator==(const PeerCheck&, const PeerCheck&) = default;
};

/// What a handshake has found about the server's certificate.
struct PeerOutcome {
  enum class By : std::uint8_t { nothing, chain, pin, dane };
  By by = By::nothing;              ///< nothing: not verified
  Failure failure = Failure::none;  ///< none where nothing was asked, too
  std::string detail;               ///< of the failure, in words
  bool verified() const { return by != By::nothing; }
};

/// "chain", "pin", "dane"; "" for nothing.
std::string_view verified_by_name(PeerOutcome::By by);

/// True: usage, selector and matching are of those that `tlsa` above can be used with, and the data
/// has the length of its digest (RFC 7672 section 3.1).
bool is_usable(const TlsaRecord& record);

}  // namespace postern::tls
