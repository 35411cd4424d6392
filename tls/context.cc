// SPDX-License-Identifier: Apache-2.0
#include "tls/context.h"

#include "tls/client_handshake.h"
#include "tls/error.h"
#include "tls/key_material.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <atomic>

namespace postern::tls {
namespace {

/// For next hops on old Windows, whose RSA suites are CBC or without ECDHE: still better than plain
/// text, which is what an opportunistic client would send otherwise (RFC 7435 section 3), and than
/// no mail, where the server must be verified.
constexpr const char* kLegacyForClients =
    ":ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:"
    "AES256-SHA";

ContextError openssl_error(const std::string& file) {
  return {file, take_error_text()};
}

}  // namespace

const char* const kIntermediate =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";

Owned<SSL_CTX> new_context(const SSL_METHOD* method, const std::string& ciphers) {
  ERR_clear_error();
  Owned<SSL_CTX> context(SSL_CTX_new(method));
  if (!context) return nullptr;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // Servers resume by ticket, which needs no memory.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (SSL_CTX_set_cipher_list(context.get(), ciphers.c_str()) != 1) return nullptr;
  return context;
}

Result<std::shared_ptr<const Context>, ContextError> Context::opportunistic_client() {
  Owned<SSL_CTX> context =
      new_context(TLS_client_method(), std::string(kIntermediate) + kLegacyForClients);
  if (!context) return openssl_error("");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  // Short keys and old signatures are taken too: the alternative is no encryption at all.
  SSL_CTX_set_security_level(context.get(), 0);
  use_client_handshakes(context.get());
  return std::shared_ptr<const Context>(new Context(context.release()));
}

Result<std::shared_ptr<const Context>, ContextError> Context::verifying_client(
    const std::string& ca) {
  Owned<SSL_CTX> context =
      new_context(TLS_client_method(), std::string(kIntermediate) + kLegacyForClients);
  if (!context) return openssl_error("");
  const int loaded = ca.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                : SSL_CTX_load_verify_file(context.get(), ca.c_str());
  if (loaded != 1) return openssl_error(ca);
  use_client_handshakes(context.get());
  return std::shared_ptr<const Context>(new Context(context.release()));
}

std::uint64_t Context::next_number() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

Context::~Context() {
  SSL_CTX_free(context_);
}

}  // namespace postern::tls
