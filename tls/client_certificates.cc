// SPDX-License-Identifier: Apache-2.0
#include "tls/client_certificates.h"

#include "base/printable.h"
#include "tls/error.h"
#include "tls/key_material.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

namespace postern::tls {
namespace {

/// 112 bits, OpenSSL's level 2: no SHA-1, no RSA below 2048.
constexpr int kAuthLevel = 2;

/// Empty: the certificate is in its time.
std::string out_of_time(const X509* certificate) {
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) return "it has expired";
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) return "it is not valid yet";
  return {};
}

/// Empty: an authority of the store vouches for it.
std::string chain_problem(X509_STORE* store, X509* certificate, stack_st_X509* chain) {
  const Owned<X509_STORE_CTX> check(X509_STORE_CTX_new());
  if (!check || X509_STORE_CTX_init(check.get(), store, certificate, chain) != 1)
    return "out of memory";
  X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(check.get());
  X509_VERIFY_PARAM_set_auth_level(rules, kAuthLevel);
  // The file may name an intermediate authority alone: that is the one which is trusted then.
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  const int good = X509_verify_cert(check.get());
  std::string out;
  if (good != 1) out = X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get()));
  ERR_clear_error();
  return out;
}

std::string described(const X509* certificate) {
  const CertificateFacts facts = facts_of(certificate, {});
  const std::string name =
      facts.names.empty() ? "no name" : printable(std::string_view(facts.names[0]).substr(0, 255));
  return name + ", sha256:" + facts.fingerprint;
}

}  // namespace

struct ClientCertificates::Entry {
  ClientCertificate is;
  Owned<X509_STORE> store;  ///< null: by fingerprint
};

ClientCertificates::~ClientCertificates() {
  for (X509* const authority : authorities_)
    X509_free(authority);
}

Result<std::shared_ptr<const ClientCertificates>, ContextError> ClientCertificates::load(
    std::vector<ClientCertificate> entries) {
  const std::shared_ptr<ClientCertificates> out(new ClientCertificates);
  std::string all;
  bool any_authority = false;
  for (ClientCertificate& one : entries) {
    Entry entry;
    entry.is = std::move(one);
    all += entry.is.name + "\n" + entry.is.fingerprint + "\n" + entry.is.host + "\n";
    any_authority = any_authority || entry.is.host.empty();
    if (!entry.is.host.empty()) {
      Result<std::vector<Owned<X509>>, ContextError> read = read_certificates(entry.is.ca);
      if (!read) return read.error();
      entry.store.reset(X509_STORE_new());
      for (Owned<X509>& authority : *read) {
        all += fingerprint_of(authority.get()) + "\n";
        if (!entry.store || X509_STORE_add_cert(entry.store.get(), authority.get()) != 1)
          return ContextError{entry.is.ca, take_error_text()};
        out->authorities_.push_back(authority.release());
      }
    }
    out->entries_.push_back(std::move(entry));
  }
  if (any_authority) {
    for (X509* const authority : std::exchange(out->authorities_, {}))
      X509_free(authority);
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest.data());
  out->digest_.assign(digest.begin(), digest.end());
  return std::shared_ptr<const ClientCertificates>(out);
}

ClientCertificates::Answer ClientCertificates::identify(X509* certificate,
                                                        stack_st_X509* chain) const {
  const std::string fingerprint = fingerprint_of(certificate);
  std::string why = "it is not in relay.allow_with_certificate";
  for (const Entry& entry : entries_) {
    const ClientCertificate& is = entry.is;
    if (is.host.empty()) {
      if (fingerprint.empty() || fingerprint != is.fingerprint) continue;
    } else if (X509_check_host(certificate,
                               is.host.data(),
                               is.host.size(),
                               X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                               nullptr) != 1) {
      continue;
    }
    std::string problem = out_of_time(certificate);
    if (problem.empty() && entry.store)
      problem = chain_problem(entry.store.get(), certificate, chain);
    if (problem.empty()) return {is.name, {}};
    why = "as " + is.name + ": " + problem;
  }
  ERR_clear_error();
  return {{}, described(certificate) + ": " + why};
}

}  // namespace postern::tls
