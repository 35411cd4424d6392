// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls/certificate.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace postern::test {

/// A directory of its own that goes away with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory&&) = delete;
  std::string file(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

enum class KeyType { ecdsa, rsa };

/// What a certificate is to say.
struct CertificateSpec {
  std::string names{};  ///< "DNS:mail.example.com,DNS:*.example.org"
  std::string stem{};   ///< the files are STEM.pem and STEM.key
  KeyType type = KeyType::ecdsa;
  std::string passphrase{};          ///< encrypts the key; empty: plain
  std::chrono::seconds from{-3600};  ///< validity, from now
  std::chrono::seconds until{86400};
  bool is_authority = false;
  const tls::KeyPair* issuer = nullptr;  ///< null: itself
};

/// Makes a certificate with a fresh key and writes both as PEM, the chain without its root. Throws
/// std::runtime_error when that fails.
tls::KeyPair make_certificate(const TemporaryDirectory& directory, const CertificateSpec& spec);

/// Makes a self-signed certificate for `host` with a fresh key, writes both as PEM and returns
/// where. With a passphrase the key is encrypted. Throws std::runtime_error when that fails.
tls::KeyPair make_certificate(const TemporaryDirectory& directory,
                              std::string_view host,
                              KeyType type,
                              std::string_view passphrase = {});

}  // namespace postern::test
