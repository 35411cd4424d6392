// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::tls {

/// Why TLS towards a server did not come about as it had to: the result types of RFC 8460 section
/// 4.3.
enum class Failure : std::uint8_t {
  none,
  starttls_not_supported,     ///< not offered, or refused
  certificate_host_mismatch,  ///< none of its names is one of those that count
  certificate_expired,        ///< or not yet valid
  certificate_not_trusted,    ///< no authority that counts has signed it
  validation_failure,         ///< the handshake failed, or the certificate for another reason
  tlsa_invalid,               ///< no TLSA record that can be used
  dnssec_invalid,             ///< DNS answers that do not validate
  dane_required,              ///< there are no TLSA records, and nothing goes without
  sts_policy_fetch_error,
  sts_policy_invalid,
  sts_webpki_invalid,  ///< the certificate of the policy's own host
};

/// "certificate-host-mismatch": as RFC 8460 has it; "" for none.
std::string_view failure_name(Failure failure);

}  // namespace postern::tls
