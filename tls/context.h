// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <openssl/types.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
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
  /// For next hops, opportunistic: old ciphers and short keys are taken too; nothing is verified
  /// ("encrypted, not verified").
  static Result<std::shared_ptr<const Context>, ContextError> opportunistic_client();
  /// For handshakes with a PeerCheck. `ca`: PEM file of the authorities that count; empty: the
  /// system's.
  static Result<std::shared_ptr<const Context>, ContextError> verifying_client(
      const std::string& ca);

  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  SSL_CTX* native() const { return context_; }

 private:
  explicit Context(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

/// Contexts for handshakes that verify, one a file of authorities, read once. Any thread.
class ClientContexts {
 public:
  /// Reads the file where that was not done yet.
  Result<std::shared_ptr<const Context>, ContextError> get(const std::string& ca);
  /// Reads these files, and forgets all others; one that cannot be read keeps what was there. What
  /// went wrong.
  std::vector<ContextError> load(const std::set<std::string>& files);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Context>> contexts_;  ///< under mutex_
};

}  // namespace postern::tls
