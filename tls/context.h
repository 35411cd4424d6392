// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "tls/certificate.h"
#include "tls/ticket_keys.h"

#include <openssl/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace postern::tls {

class ClientCertificates;  // tls/client_certificates.h

/// What a listener's context is made of.
struct ServerSettings {
  /// Chosen by the client's server name (SNI), exact names before wildcards; for each name one of
  /// each key type (ECDSA, RSA), of which the client's algorithms choose. The first is for clients
  /// that send no name, or another one.
  std::vector<KeyPair> certificates;
  std::shared_ptr<TicketKeys> tickets = TicketKeys::of_process();
  /// Clients are asked for a certificate, and may have none; null: they are not asked.
  std::shared_ptr<const ClientCertificates> clients;
};

/// An SSL_CTX with the project's settings (TLS 1.2 and 1.3, Mozilla intermediate ciphers, release
/// buffers). Immutable once made; shared by the sessions of a config snapshot; any thread.
class Context {
 public:
  /// For listeners; reads the files.
  static Result<std::shared_ptr<const Context>, ContextError> server(
      const ServerSettings& settings);
  /// The same with these alone.
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
  /// No other context of the process has or had it: what was verified by one is not by another.
  std::uint64_t number() const { return number_; }
  /// Of listeners, in the order of the settings.
  const std::vector<CertificateFacts>& certificates() const { return certificates_; }

 private:
  explicit Context(SSL_CTX* context, std::vector<CertificateFacts> certificates = {})
      : context_(context), certificates_(std::move(certificates)), number_(next_number()) {}
  static std::uint64_t next_number();
  SSL_CTX* context_;
  std::vector<CertificateFacts> certificates_;
  const std::uint64_t number_;
};

/// Contexts for handshakes that verify, one a file of authorities, read once. Any thread.
class ClientContexts {
 public:
  /// Reads the file where that was not done yet.
  Result<std::shared_ptr<const Context>, ContextError> get(const std::string& ca);
  /// Reads these files, and forgets all others; one whose content is the same, or that cannot be
  /// read, keeps what was there. What went wrong.
  std::vector<ContextError> load(const std::set<std::string>& files);
  /// False: what the context with this number has verified is to be verified anew.
  bool is_current(const std::string& ca, std::uint64_t number);

 private:
  struct Entry {
    std::shared_ptr<const Context> context;
    std::string state;  ///< digest of what it was made of; empty: unknown
  };
  std::mutex mutex_;
  std::map<std::string, Entry> contexts_;  ///< under mutex_
};

}  // namespace postern::tls
