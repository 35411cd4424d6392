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
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

void extend(X509* certificate, int id, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str()));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1,
          "no extension");
}

template <class T, class Reader>
std::unique_ptr<T, Free> read(const std::string& path, Reader* reader) {
  const File in(std::fopen(path.c_str(), "r"));
  std::unique_ptr<T, Free> out;
  if (in) out.reset(reader(in.get(), nullptr, nullptr, nullptr));
  require(out != nullptr, "cannot read the issuer");
  return out;
}

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

tls::KeyPair make_certificate(const TemporaryDirectory& directory, const CertificateSpec& spec) {
  const Key key(spec.type == KeyType::ecdsa ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048));
  require(key != nullptr, "no key");
  const Certificate certificate(X509_new());
  X509* const x = certificate.get();
  require(x != nullptr && X509_set_version(x, X509_VERSION_3) == 1, "no certificate");
  static long serial = 0;
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), static_cast<long>(spec.from.count()));
  X509_gmtime_adj(X509_getm_notAfter(x), static_cast<long>(spec.until.count()));
  X509_set_pubkey(x, key.get());
  const auto* const text = reinterpret_cast<const unsigned char*>(spec.stem.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, text, -1, -1, 0);
  if (!spec.names.empty()) extend(x, NID_subject_alt_name, spec.names);
  if (spec.is_authority) {
    extend(x, NID_basic_constraints, "critical,CA:TRUE");
    extend(x, NID_key_usage, "critical,keyCertSign,cRLSign");
  }
  Certificate issuer;
  Key issuer_key;
  if (spec.issuer != nullptr) {
    issuer = read<X509>(spec.issuer->cert, &PEM_read_X509);
    issuer_key = read<EVP_PKEY>(spec.issuer->key, &PEM_read_PrivateKey);
  }
  X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer.get() : x));
  require(X509_sign(x, issuer_key ? issuer_key.get() : key.get(), EVP_sha256()) != 0,
          "no signature");

  const tls::KeyPair pair{directory.file(spec.stem + ".pem"), directory.file(spec.stem + ".key")};
  write_key(pair.key, key.get(), spec.passphrase);
  const File out(std::fopen(pair.cert.c_str(), "w"));
  require(out != nullptr && PEM_write_X509(out.get(), x) == 1, "certificate as PEM");
  const bool is_root = !issuer || X509_self_signed(issuer.get(), 0) == 1;
  require(is_root || PEM_write_X509(out.get(), issuer.get()) == 1, "chain as PEM");
  return pair;
}

tls::KeyPair make_certificate(const TemporaryDirectory& directory,
                              std::string_view host,
                              KeyType type,
                              std::string_view passphrase) {
  CertificateSpec spec;
  spec.names = "DNS:" + std::string(host);
  spec.stem = std::string(host) + (type == KeyType::ecdsa ? "-ecdsa" : "-rsa");
  spec.type = type;
  spec.passphrase = passphrase;
  return make_certificate(directory, spec);
}

}  // namespace postern::test
