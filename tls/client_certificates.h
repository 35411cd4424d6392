// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls/certificate.h"

#include <openssl/types.h>

#include <memory>
#include <string>
#include <vector>

struct stack_st_X509;  // STACK_OF(X509)

namespace postern::tls {

/// A client that is known by its certificate: by the certificate itself, whoever has signed it, or
/// by a name in it that an authority vouches for.
struct ClientCertificate {
  std::string name;         ///< what the client is called here
  std::string fingerprint;  ///< SHA-256, lower-case hex; empty: by `host`
  std::string host;         ///< a dNSName of its subjectAltName, without wildcards
  std::string ca;           ///< PEM file of the authorities that may say so
};

/// Who the clients of a listener are by their certificates. Immutable; any thread.
class ClientCertificates {
 public:
  struct Answer {
    std::string name;  ///< which entry; empty: none
    std::string why;   ///< for the log, where there is none
  };

  /// Reads the authorities' files.
  static Result<std::shared_ptr<const ClientCertificates>, ContextError> load(
      std::vector<ClientCertificate> entries);
  ~ClientCertificates();
  ClientCertificates(ClientCertificates&&) = delete;

  /// `certificate`: one whose key the client has proved to have. `chain`: what it sent besides; may
  /// be null. A certificate out of its time is nobody's. What it may be used for (extended key
  /// usage) is not asked: public authorities certify servers alone.
  Answer identify(X509* certificate, stack_st_X509* chain) const;

  /// Different for different entries and authorities, 32 octets: sessions are not resumed across.
  const std::string& digest() const { return digest_; }
  /// The authorities whose names a client is told, so that it can choose; empty where some entry
  /// takes a certificate of any.
  const std::vector<X509*>& authorities() const { return authorities_; }

 private:
  struct Entry;

  ClientCertificates() = default;
  std::vector<Entry> entries_;
  std::vector<X509*> authorities_;  ///< owned
  std::string digest_;
};

}  // namespace postern::tls
