// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls/certificate.h"
#include "tls/context.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace postern::test {

/// A client as a test wants it, by OpenSSL alone.
struct ClientSpec {
  std::string server_name{};           ///< SNI; empty: none
  std::string algorithms{};            ///< signature algorithms; empty: all
  const tls::KeyPair* pair = nullptr;  ///< its certificate
  SSL_SESSION* session = nullptr;      ///< to be resumed
  int version = TLS1_3_VERSION;
  std::string groups{};
};

/// A handshake of a client with a context of ours, over memory. Either end may fail.
class MemoryHandshake {
 public:
  MemoryHandshake(const tls::Context& context, const ClientSpec& spec)
      : client_context_(SSL_CTX_new(TLS_client_method())) {
    // A cache of the context's own would make the session no good when the context goes.
    SSL_CTX_set_session_cache_mode(client_context_,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_min_proto_version(client_context_, spec.version);
    SSL_CTX_set_max_proto_version(client_context_, spec.version);
    server = SSL_new(context.native());
    client = SSL_new(client_context_);
    if (spec.pair != nullptr) {
      SSL_use_certificate_chain_file(client, spec.pair->cert.c_str());
      SSL_use_PrivateKey_file(client, spec.pair->key.c_str(), SSL_FILETYPE_PEM);
    }
    if (!spec.algorithms.empty()) SSL_set1_sigalgs_list(client, spec.algorithms.c_str());
    if (!spec.groups.empty()) SSL_set1_groups_list(client, spec.groups.c_str());
    if (!spec.server_name.empty()) SSL_set_tlsext_host_name(client, spec.server_name.c_str());
    if (spec.session != nullptr) SSL_set_session(client, spec.session);
    BIO* near = nullptr;
    BIO* far = nullptr;
    BIO_new_bio_pair(&near, 0, &far, 0);
    SSL_set_bio(server, near, near);
    SSL_set_bio(client, far, far);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    run();
  }
  ~MemoryHandshake() {
    // A connection that ends otherwise makes its session no good.
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(server);
    SSL_free(client);
    SSL_CTX_free(client_context_);
  }
  MemoryHandshake(MemoryHandshake&&) = delete;

  bool succeeded() const { return good_; }
  bool resumed() const { return good_ && SSL_session_reused(client) == 1; }
  /// The key type and first name of the server's certificate: "RSA one.example.com".
  std::string certificate() const {
    const X509* const shown = SSL_get0_peer_certificate(client);
    if (shown == nullptr) return {};
    const tls::CertificateFacts facts = tls::facts_of(shown, "");
    return facts.key_type + " " + facts.names.at(0);
  }
  /// To be resumed later; the caller frees it. Takes in the tickets of TLS 1.3 first.
  SSL_SESSION* session() {
    char octet = 0;
    SSL_read(client, &octet, 1);
    return SSL_get1_session(client);
  }

  SSL* server = nullptr;
  SSL* client = nullptr;

 private:
  void run() {
    for (int turn = 0; turn < 20; ++turn) {
      const int c = SSL_do_handshake(client);
      const int s = SSL_do_handshake(server);
      good_ = c == 1 && s == 1;
      if (good_ || is_broken(client, c) || is_broken(server, s)) return;
    }
  }
  static bool is_broken(SSL* ssl, int result) {
    const int why = SSL_get_error(ssl, result);
    return result != 1 && why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
  }

  SSL_CTX* client_context_;
  bool good_ = false;
};

struct FreeSession {
  void operator()(SSL_SESSION* p) const { SSL_SESSION_free(p); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, FreeSession>;

}  // namespace postern::test
