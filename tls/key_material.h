// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls/certificate.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <vector>

// Private to tls/: OpenSSL's objects as owners, and a pair as it was read.

namespace postern::tls {

struct FreeOpenssl {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, FreeOpenssl>;

/// A certificate, its key and the rest of its chain.
struct LoadedPair {
  Owned<X509> certificate;
  Owned<EVP_PKEY> key;
  std::vector<Owned<X509>> chain;
  CertificateFacts facts;
};

Result<LoadedPair, ContextError> load_pair(const KeyPair& pair);

/// All certificates of a PEM file, one at least.
Result<std::vector<Owned<X509>>, ContextError> read_certificates(const std::string& file);

/// The settings that both ends share: protocol versions, `ciphers` for TLS 1.2. Null: the
/// reason is in OpenSSL's queue.
Owned<SSL_CTX> new_context(const SSL_METHOD* method, const std::string& ciphers);

/// Mozilla's "intermediate" list for TLS 1.2 (Server Side TLS 5.7); TLS 1.3's own list is OpenSSL's
/// default, which is the same.
extern const char* const kIntermediate;

}  // namespace postern::tls
