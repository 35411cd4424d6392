// SPDX-License-Identifier: Apache-2.0
#include "tls/context.h"

#include "tls/client_handshake.h"
#include "tls/error.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace postern::tls {
namespace {

/// Mozilla's "intermediate" list for TLS 1.2 (Server Side TLS 5.7); TLS 1.3's own list is OpenSSL's
/// default, which is the same.
constexpr const char* kIntermediate =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305";
/// For next hops on old Windows, whose RSA suites are CBC or without ECDHE: still better than plain
/// text, which is what an opportunistic client would send otherwise (RFC 7435 section 3).
constexpr const char* kLegacyForClients =
    ":ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:"
    "ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA:"
    "AES256-SHA";

struct FreeContext {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
};
struct FreeKey {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
struct FreeBio {
  void operator()(BIO* p) const { BIO_free(p); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeKey>;
using BioPtr = std::unique_ptr<BIO, FreeBio>;

ContextError openssl_error(const std::string& file) {
  return {file, take_error_text()};
}

ContextPtr new_context(const SSL_METHOD* method, const std::string& ciphers) {
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(method));
  if (!context) return nullptr;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // Servers resume by ticket, which needs no memory.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (SSL_CTX_set_cipher_list(context.get(), ciphers.c_str()) != 1) return nullptr;
  return context;
}

/// Stands in for OpenSSL's prompt on the terminal: notes that a passphrase was wanted and gives
/// none.
int refuse_passphrase(char*, int, int, void* wanted) {
  *static_cast<bool*>(wanted) = true;
  return -1;
}

Result<KeyPtr, ContextError> read_key(const std::string& file) {
  const BioPtr in(BIO_new_file(file.c_str(), "r"));
  if (!in) return openssl_error(file);
  bool is_encrypted = false;
  KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, &refuse_passphrase, &is_encrypted));
  if (key) return key;
  ContextError error = openssl_error(file);
  if (is_encrypted) {
    error.message =
        "the key is encrypted, and a passphrase cannot be given here (" + error.message + ")";
  }
  return error;
}

/// Adds one pair; the type of its key on success.
Result<int, ContextError> add_pair(SSL_CTX* context, const KeyPair& pair) {
  if (SSL_CTX_use_certificate_chain_file(context, pair.cert.c_str()) != 1)
    return openssl_error(pair.cert);
  const X509* const certificate = SSL_CTX_get0_certificate(context);
  const Result<KeyPtr, ContextError> key = read_key(pair.key);
  if (!key) return key.error();
  // Asked for separately: SSL_CTX_use_PrivateKey takes a key of another type than the certificate's
  // in silence.
  if (X509_check_private_key(certificate, key->get()) != 1) return openssl_error(pair.key);
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1) return openssl_error(pair.key);
  return EVP_PKEY_get_base_id(key->get());
}

}  // namespace

Result<std::shared_ptr<const Context>, ContextError> Context::server(
    const std::vector<KeyPair>& pairs) {
  if (pairs.empty()) return ContextError{"", "a TLS server needs a certificate and a key"};
  ContextPtr context = new_context(TLS_server_method(), kIntermediate);
  if (!context) return openssl_error("");
  SSL_CTX_set_dh_auto(context.get(), 1);
  std::vector<int> types;
  for (const KeyPair& pair : pairs) {
    const Result<int, ContextError> type = add_pair(context.get(), pair);
    if (!type) return type.error();
    // OpenSSL keeps one pair a key type; a second would replace the first without a word.
    if (std::find(types.begin(), types.end(), *type) != types.end()) {
      return ContextError{pair.key, "a second pair with a key of the same type"};
    }
    types.push_back(*type);
  }
  SSL_CTX_set_current_cert(context.get(), SSL_CERT_SET_FIRST);
  return std::shared_ptr<const Context>(new Context(context.release()));
}

Result<std::shared_ptr<const Context>, ContextError> Context::opportunistic_client() {
  ContextPtr context =
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
  ContextPtr context = new_context(TLS_client_method(), kIntermediate);
  if (!context) return openssl_error("");
  const int loaded = ca.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                                : SSL_CTX_load_verify_file(context.get(), ca.c_str());
  if (loaded != 1) return openssl_error(ca);
  use_client_handshakes(context.get());
  return std::shared_ptr<const Context>(new Context(context.release()));
}

Result<std::shared_ptr<const Context>, ContextError> ClientContexts::get(const std::string& ca) {
  const std::lock_guard lock(mutex_);
  const auto found = contexts_.find(ca);
  if (found != contexts_.end()) return found->second;
  auto made = Context::verifying_client(ca);
  if (made) contexts_.emplace(ca, *made);
  return made;
}

std::vector<ContextError> ClientContexts::load(const std::set<std::string>& files) {
  std::vector<ContextError> out;
  std::map<std::string, std::shared_ptr<const Context>> fresh;
  for (const std::string& ca : files) {
    auto made = Context::verifying_client(ca);
    if (made) fresh.emplace(ca, *made);
    if (!made) out.push_back(made.error());
  }
  const std::lock_guard lock(mutex_);
  for (auto& [ca, before] : contexts_) {
    if (files.contains(ca)) fresh.emplace(ca, std::move(before));
  }
  contexts_ = std::move(fresh);
  return out;
}

Context::~Context() {
  SSL_CTX_free(context_);
}

}  // namespace postern::tls
