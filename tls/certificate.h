// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

#include <openssl/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace postern::tls {

/// A certificate chain and its key, PEM files.
struct KeyPair {
  std::string cert;
  std::string key;
};

/// Why something could not be made: which file, and OpenSSL's own words.
struct ContextError {
  std::string file;
  std::string message;
};

/// What a certificate says of itself. A plain value.
struct CertificateFacts {
  std::string file;
  /// dNSName entries of its subjectAltName, or the common name where there are none (RFC 6125
  /// section 6.4.4); lower case.
  std::vector<std::string> names;
  std::string key_type;     ///< "RSA", "ECDSA", or OpenSSL's name of another
  std::string fingerprint;  ///< SHA-256 of the whole, lower-case hex
  std::chrono::system_clock::time_point not_before;
  /// Of a file with its chain: the earliest of all, but for a root, which clients have themselves.
  std::chrono::system_clock::time_point not_after;

  /// By a name of its own or a wildcard as the left-most label (RFC 6125 section 6.4.3). Any case.
  bool covers(std::string_view host) const;
};

/// The first certificate of a PEM file. Any thread; reads the file.
Result<CertificateFacts, ContextError> read_certificate(const std::string& file);

/// Does the pair load, and does the key belong to the certificate? Any thread; reads the files.
Result<CertificateFacts, ContextError> check_pair(const KeyPair& pair);

CertificateFacts facts_of(const X509* certificate, std::string file);

/// SHA-256 of the certificate's DER form, lower-case hex.
std::string fingerprint_of(const X509* certificate);

/// Lower case, without the dot at the end that makes a name absolute.
std::string plain_host(std::string_view host);

/// "*.company.ru" of "mail.company.ru"; empty: there is no label to leave out.
std::string wildcard_over(std::string_view host);

}  // namespace postern::tls
