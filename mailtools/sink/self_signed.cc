// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/sink.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>

namespace postern::sink {
namespace {

constexpr long kBackdated = -3600;          // clocks differ
constexpr long kLasting = 90L * 24 * 3600;  // longer than any test

struct FreeOpenssl {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
};
template <class T>
using Made = std::unique_ptr<T, FreeOpenssl>;

/// A folder that nobody else can read, gone with its owner.
class Secret {
 public:
  Secret() {
    std::string name = (std::filesystem::temp_directory_path() / "postern-sink.XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Secret() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Secret(Secret&&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

bool extend(X509* certificate, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Made<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

Made<X509> make_certificate(EVP_PKEY* key, const std::string& hostname) {
  Made<X509> out(X509_new());
  std::uint32_t serial = 0;
  if (!out || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return {};
  X509_NAME* const name = X509_get_subject_name(out.get());
  // RFC 5280 appendix A.1: a common name has 64 characters at most.
  const std::string common = hostname.substr(0, 64);
  const bool made =
      X509_set_version(out.get(), 2) == 1 &&
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(out.get()), serial | 1U) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(out.get()), kBackdated) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(out.get()), kLasting) != nullptr &&
      X509_set_pubkey(out.get(), key) == 1 &&
      X509_NAME_add_entry_by_txt(name,
                                 "CN",
                                 MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common.data()),
                                 static_cast<int>(common.size()),
                                 -1,
                                 0) == 1 &&
      X509_set_issuer_name(out.get(), name) == 1 &&
      extend(out.get(),
             NID_subject_alt_name,
             "DNS:" + hostname + ",DNS:localhost,IP:127.0.0.1,IP:::1") &&
      X509_sign(out.get(), key, EVP_sha256()) != 0;
  if (!made) out.reset();
  return out;
}

bool write_files(const tls::KeyPair& files, X509* certificate, EVP_PKEY* key) {
  const Made<BIO> cert_out(BIO_new_file(files.cert.c_str(), "w"));
  const Made<BIO> key_out(BIO_new_file(files.key.c_str(), "w"));
  return cert_out && key_out && PEM_write_bio_X509(cert_out.get(), certificate) == 1 &&
         PEM_write_bio_PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
}

}  // namespace

Result<std::shared_ptr<const tls::Context>, SinkError> self_signed_context(
    const std::string& hostname) {
  const Secret folder;
  const tls::KeyPair files{folder.path() + "/cert.pem", folder.path() + "/key.pem"};
  const Made<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const Made<X509> certificate = key ? make_certificate(key.get(), hostname) : Made<X509>();
  if (!certificate)
    return SinkError{fmt::format(
        "no certificate can be made for \"{}\"; write another --hostname, or --tls-cert and "
        "--tls-key",
        hostname)};
  if (folder.path().empty() || !write_files(files, certificate.get(), key.get()))
    return SinkError{
        "no certificate can be made, since the folder for temporary files cannot be written; set "
        "TMPDIR, or write --tls-cert and --tls-key"};
  auto context = tls::Context::server(std::vector<tls::KeyPair>{files});
  if (!context) return SinkError{context.error().file + ": " + context.error().message};
  return *context;
}

}  // namespace postern::sink
