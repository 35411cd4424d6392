// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace postern {

/// One TLSA record as DNS has it (RFC 6698 section 2.1): what a server's certificate must match.
/// Which values can be used is for who uses it to say.
struct TlsaRecord {
  std::uint8_t usage = 0;     ///< 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE
  std::uint8_t selector = 0;  ///< 0 the certificate, 1 its SubjectPublicKeyInfo
  std::uint8_t matching = 0;  ///< 0 as it is, 1 SHA-256, 2 SHA-512
  std::string data;           ///< octets
  friend bool operator==(const TlsaRecord&, const TlsaRecord&) = default;
};

}  // namespace postern
