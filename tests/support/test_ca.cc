// SPDX-License-Identifier: Apache-2.0
#include "support/test_ca.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace postern::test {
namespace {

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
  void operator()(std::FILE* p) const { std::fclose(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using File = std::unique_ptr<std::FILE, Free>;

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("test CA: ") + what);
}

/// Unsigned, with the common name `name`.
Certificate blank(const std::string& name,
                  EVP_PKEY* key,
                  long serial,
                  const TestCa::Validity& validity = {}) {
  Certificate out(X509_new());
  require(out && X509_set_version(out.get(), X509_VERSION_3) == 1, "certificate");
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), validity.from);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), validity.until);
  X509_set_pubkey(out.get(), key);
  const auto* const text = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME* const subject = X509_get_subject_name(out.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0);
  return out;
}

void extend(X509* certificate, int id, const char* value) {
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, id, value));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

void write(const std::string& path, X509* certificate) {
  const File out(std::fopen(path.c_str(), "w"));
  require(out && PEM_write_X509(out.get(), certificate) == 1, "certificate as PEM");
}

TestCa::Files write_pair(const std::string& stem, X509* certificate, EVP_PKEY* key) {
  TestCa::Files files{stem + ".pem", stem + ".key"};
  write(files.certificate, certificate);
  const File to(std::fopen(files.key.c_str(), "w"));
  require(to && PEM_write_PrivateKey(to.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "key as PEM");
  return files;
}

Certificate read(const std::string& file) {
  const File from(std::fopen(file.c_str(), "r"));
  Certificate out(from ? PEM_read_X509(from.get(), nullptr, nullptr, nullptr) : nullptr);
  require(out != nullptr, file.c_str());
  return out;
}

}  // namespace

TestCa::TestCa(std::string folder, const std::string& name) : folder_(std::move(folder)) {
  Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "key");
  Certificate own = blank(name, key.get(), 1);
  X509_set_issuer_name(own.get(), X509_get_subject_name(own.get()));
  extend(own.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(own.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  require(X509_sign(own.get(), key.get(), EVP_sha256()) != 0, "signature");
  certificate_ = folder_ + "/" + name + ".pem";
  write(certificate_, own.get());
  key_ = key.release();
  own_ = own.release();
}

TestCa::~TestCa() {
  EVP_PKEY_free(key_);
  X509_free(own_);
}

TestCa::Files TestCa::issue(const std::string& stem, const std::string& names) const {
  return issue(stem, names, Validity());
}

TestCa::Files TestCa::issue(const std::string& stem,
                            const std::string& names,
                            const Validity& validity) const {
  const Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "key");
  const Certificate out = blank(stem, key.get(), 2, validity);
  X509_set_issuer_name(out.get(), X509_get_subject_name(own_));
  extend(out.get(), NID_subject_alt_name, names.c_str());
  require(X509_sign(out.get(), key_, EVP_sha256()) != 0, "signature");
  return write_pair(folder_ + "/" + stem, out.get(), key.get());
}

TestCa::Files TestCa::self_signed(const std::string& folder,
                                  const std::string& stem,
                                  const std::string& names) {
  const Key key(EVP_EC_gen("P-256"));
  require(key != nullptr, "key");
  const Certificate out = blank(stem, key.get(), 3);
  X509_set_issuer_name(out.get(), X509_get_subject_name(out.get()));
  extend(out.get(), NID_subject_alt_name, names.c_str());
  require(X509_sign(out.get(), key.get(), EVP_sha256()) != 0, "signature");
  return write_pair(folder + "/" + stem, out.get(), key.get());
}

std::string certificate_der(const std::string& file) {
  const Certificate certificate = read(file);
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  require(size > 0, "DER");
  const std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string public_key_der(const std::string& file) {
  const Certificate certificate = read(file);
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(X509_get0_pubkey(certificate.get()), &der);
  require(size > 0, "DER of the key");
  const std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

std::string sha256_of(const std::string& octets) {
  std::string out(32, '\0');
  auto* const to = reinterpret_cast<unsigned char*>(out.data());
  require(EVP_Digest(octets.data(), octets.size(), to, nullptr, EVP_sha256(), nullptr) == 1,
          "SHA-256");
  return out;
}

}  // namespace postern::test
