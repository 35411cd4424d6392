// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls/peer_check.h"
#include "tls/session_cache.h"
#include "tls/stream.h"

#include <openssl/types.h>

#include <cstddef>
#include <utility>

namespace postern::tls {

/// The state of one client handshake, which OpenSSL's callbacks find by the SSL's app data. Private
/// to tls/; owned by the stream, outlives the SSL.
struct ClientHandshake {
  explicit ClientHandshake(ClientTerms t) : terms(std::move(t)) {}

  const ClientTerms terms;
  PeerOutcome found;       ///< by a full handshake
  PeerOutcome remembered;  ///< by the one that made the session which was offered
  const net::TimePoint began = net::Clock::now();
  net::TimePoint remembered_at;  ///< when the certificate behind `remembered` was looked at
  std::size_t records = 0;       ///< TLSA records that OpenSSL can use

  /// SNI, what is to be checked, and a session to be resumed, before the handshake; false: OpenSSL
  /// refuses (its error queue tells).
  bool prepare(SSL* ssl);
  /// Behind the handshake, or behind its failure.
  void finish(SSL* ssl, bool succeeded);
  const PeerOutcome& outcome(const SSL* ssl) const;
  /// When the certificate that outcome() is of was looked at.
  net::TimePoint verified_at(const SSL* ssl) const;
};

/// Sets a client context up for ClientHandshake.
void use_client_handshakes(SSL_CTX* context);

}  // namespace postern::tls
