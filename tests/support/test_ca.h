// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/types.h>

#include <string>

namespace postern::test {

/// A certificate authority made on the spot. It writes PEM files and knows nothing of the code
/// under test. Throws std::runtime_error when something fails.
class TestCa {
 public:
  struct Files {
    std::string certificate;
    std::string key;
  };

  /// Writes FOLDER/NAME.pem, the certificate to trust.
  TestCa(std::string folder, const std::string& name);
  ~TestCa();
  TestCa(TestCa&&) = delete;

  /// Seconds from now.
  struct Validity {
    long from = -3600;
    long until = 86400;
  };

  const std::string& certificate() const { return certificate_; }
  /// A certificate of this authority for `names`, such as "IP:127.0.0.1,DNS:dc1.company.ru", in
  /// FOLDER/STEM.pem and STEM.key.
  Files issue(const std::string& stem, const std::string& names) const;
  Files issue(const std::string& stem, const std::string& names, const Validity& validity) const;
  /// One that is signed by its own key.
  static Files self_signed(const std::string& folder,
                           const std::string& stem,
                           const std::string& names);

 private:
  std::string folder_;
  std::string certificate_;
  EVP_PKEY* key_ = nullptr;
  X509* own_ = nullptr;
};

/// Of the first certificate of a PEM file: its DER, and that of its SubjectPublicKeyInfo.
std::string certificate_der(const std::string& file);
std::string public_key_der(const std::string& file);
/// 32 octets.
std::string sha256_of(const std::string& octets);

}  // namespace postern::test
