// SPDX-License-Identifier: Apache-2.0
#include "test_certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <stdlib.h>

namespace postern::test {
namespace {

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(what);
}

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
  void operator()(std::FILE* p) const { std::fclose(p); }
};
using File = std::unique_ptr<std::FILE, Free>;

void write_key(const std::string& path, EVP_PKEY* key, std::string_view passphrase) {
  const File out(std::fopen(path.c_str(), "w"));
  require(out != nullptr, "cannot write the key");
  const EVP_CIPHER* const cipher = passphrase.empty() ? nullptr : EVP_aes_128_cbc();
  const auto* const secret = reinterpret_cast<const unsigned char*>(passphrase.data());
  const int size = static_cast<int>(passphrase.size());
  require(PEM_write_PrivateKey(out.get(), key, cipher, secret, size, nullptr, nullptr) == 1,
          "key as PEM");
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "postern-test-XXXXXX").string();
  require(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

tls::KeyPair make_certificate(const TemporaryDirectory& directory,
                              std::string_view host,
                              KeyType type,
                              std::string_view passphrase) {
  const std::unique_ptr<EVP_PKEY, Free> key(type == KeyType::ecdsa ? EVP_EC_gen("P-256")
                                                                   : EVP_RSA_gen(2048));
  require(key != nullptr, "no key");
  const std::unique_ptr<X509, Free> certificate(X509_new());
  X509* const x = certificate.get();
  require(x != nullptr && X509_set_version(x, X509_VERSION_3) == 1, "no certificate");
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 86400);
  X509_set_pubkey(x, key.get());
  const std::string name(host);
  const auto* const text = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(x));
  const std::string names = "DNS:" + name;
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
  require(extension != nullptr && X509_add_ext(x, extension.get(), -1) == 1, "no subjectAltName");
  require(X509_sign(x, key.get(), EVP_sha256()) != 0, "no signature");

  const std::string stem = name + (type == KeyType::ecdsa ? "-ecdsa" : "-rsa");
  const tls::KeyPair pair{directory.file(stem + ".pem"), directory.file(stem + ".key")};
  write_key(pair.key, key.get(), passphrase);
  const File out(std::fopen(pair.cert.c_str(), "w"));
  require(out != nullptr && PEM_write_X509(out.get(), x) == 1, "certificate as PEM");
  return pair;
}

}  // namespace postern::test
