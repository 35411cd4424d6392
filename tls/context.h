// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <openssl/types.h>

#include <memory>
#include <string>
#include <vector>

namespace postern::tls {

/// A certificate chain and its key, PEM files.
struct KeyPair {
  std::string cert;
  std::string key;
};

/// Why a context could not be made: which file, and OpenSSL's own words.
struct ContextError {
  std::string file;
  std::string message;
};

/// An SSL_CTX with the project's settings (TLS 1.2 and 1.3, Mozilla intermediate ciphers, release
/// buffers). Immutable once made; shared by the sessions of a config snapshot; any thread.
class Context {
 public:
  /// For listeners. Several pairs: one per key type (ECDSA, RSA); the first is the default.
  static Result<std::shared_ptr<const Context>, ContextError> server(
      const std::vector<KeyPair>& pairs);
  /// For next hops, opportunistic: any certificate is taken, nothing is verified ("encrypted, not
  /// verified").
  static Result<std::shared_ptr<const Context>, ContextError> opportunistic_client();

  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  SSL_CTX* native() const { return context_; }

 private:
  explicit Context(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

}  // namespace postern::tls
