// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "auth/mechanism.h"

namespace postern::auth {

/// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), the server's half. The server's last
/// message goes as a challenge, which the client answers with nothing: SMTP's success has no room
/// for it (RFC 4954 section 4).
class ScramServer final : public Mechanism {
 public:
  ScramServer(bool plus, MechanismContext context);

  Step begin(std::optional<std::string_view> initial) override;
  Step next(std::string_view response) override;
  Step give(const ScramVerifier& verifier) override;

 private:
  enum class Awaits : std::uint8_t { first, verifier, final, nothing };

  Step on_first(std::string_view message);
  Step on_final(std::string_view message);
  std::optional<Failed> read_header(std::string_view& rest);

  const bool plus_;
  const MechanismContext context_;
  Awaits awaits_ = Awaits::first;
  std::string bound_;         ///< what `c=` must hold: the GS2 header and the binding's octets
  std::string client_nonce_;  ///< the client's part
  std::string nonce_;         ///< both parts
  std::string exchanged_;     ///< client-first-message-bare "," server-first-message
  ScramVerifier verifier_;
};

/// A user name in SCRAM (RFC 5802, saslname): "=2C" is a comma, "=3D" an equals sign. nullopt:
/// another "=".
std::optional<std::string> decode_saslname(std::string_view text);
std::string encode_saslname(std::string_view name);

}  // namespace postern::auth
