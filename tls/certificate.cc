// SPDX-License-Identifier: Apache-2.0
#include "tls/certificate.h"

#include "tls/error.h"
#include "tls/key_material.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace postern::tls {
namespace {

ContextError error_of(const std::string& file) {
  return {file, take_error_text()};
}

/// Stands in for OpenSSL's prompt on the terminal: notes that a passphrase was wanted and gives
/// none.
int refuse_passphrase(char*, int, int, void* wanted) {
  *static_cast<bool*>(wanted) = true;
  return -1;
}

Result<Owned<EVP_PKEY>, ContextError> read_key(const std::string& file) {
  ERR_clear_error();
  const Owned<BIO> in(BIO_new_file(file.c_str(), "r"));
  if (!in) return error_of(file);
  bool is_encrypted = false;
  Owned<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, &refuse_passphrase, &is_encrypted));
  if (key) return key;
  ContextError error = error_of(file);
  if (is_encrypted) {
    error.message =
        "the key is encrypted, and a passphrase cannot be given here (" + error.message + ")";
  }
  return error;
}

std::string text_of(const ASN1_STRING* text) {
  const auto* const octets = reinterpret_cast<const char*>(ASN1_STRING_get0_data(text));
  return {octets, static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::vector<std::string> alternative_names(const X509* certificate) {
  std::vector<std::string> out;
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) out.push_back(plain_host(text_of(name->d.dNSName)));
  }
  GENERAL_NAMES_free(names);
  return out;
}

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> out = alternative_names(certificate);
  if (!out.empty()) return out;
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return out;
  out.push_back(plain_host(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))));
  return out;
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  // A certificate without an end says year 9999 (RFC 5280 section 4.1.2.5); this clock counts
  // nanoseconds and ends in 2262.
  using std::chrono::floor, std::chrono::seconds, std::chrono::system_clock;
  const seconds since_epoch(::timegm(&parts));
  if (since_epoch >= floor<seconds>(system_clock::duration::max())) {
    return system_clock::time_point::max();
  }
  if (since_epoch <= floor<seconds>(system_clock::duration::min())) {
    return system_clock::time_point::min();
  }
  return system_clock::time_point(since_epoch);
}

std::string key_type_of(const X509* certificate) {
  const EVP_PKEY* const key = X509_get0_pubkey(certificate);
  if (key == nullptr) return "unknown";
  if (EVP_PKEY_is_a(key, "RSA") == 1) return "RSA";
  if (EVP_PKEY_is_a(key, "EC") == 1) return "ECDSA";
  const char* const name = EVP_PKEY_get0_type_name(key);
  return name != nullptr ? name : "unknown";
}

bool is_root(const X509* certificate) {
  return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
}

/// Clients refuse a certificate as soon as one that vouches for it is out of its time.
void bound_by(const std::vector<Owned<X509>>& chain, CertificateFacts& facts) {
  for (const Owned<X509>& one : chain) {
    if (is_root(one.get())) continue;
    facts.not_after = std::min(facts.not_after, time_of(X509_get0_notAfter(one.get())));
  }
}

}  // namespace

std::string plain_host(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string out(host);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string wildcard_over(std::string_view host) {
  const std::size_t dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  return "*" + std::string(host.substr(dot));
}

bool CertificateFacts::covers(std::string_view host) const {
  const std::string exact = plain_host(host);
  const std::string wildcard = wildcard_over(exact);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == exact || (!wildcard.empty() && name == wildcard);
  });
}

std::string fingerprint_of(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(std::size_t{size} * 2);
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4U];
    hex += kDigits[digest[i] & 0x0fU];
  }
  return hex;
}

CertificateFacts facts_of(const X509* certificate, std::string file) {
  CertificateFacts out;
  out.file = std::move(file);
  out.names = names_of(certificate);
  out.key_type = key_type_of(certificate);
  out.fingerprint = fingerprint_of(certificate);
  out.not_before = time_of(X509_get0_notBefore(certificate));
  out.not_after = time_of(X509_get0_notAfter(certificate));
  return out;
}

Result<std::vector<Owned<X509>>, ContextError> read_certificates(const std::string& file) {
  ERR_clear_error();
  const Owned<BIO> in(BIO_new_file(file.c_str(), "r"));
  if (!in) return error_of(file);
  std::vector<Owned<X509>> out;
  for (;;) {
    Owned<X509> next(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (!next) break;
    out.push_back(std::move(next));
  }
  // The end of the file looks like this too.
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (out.empty() || !at_end) return error_of(file);
  ERR_clear_error();
  return out;
}

Result<LoadedPair, ContextError> load_pair(const KeyPair& pair) {
  Result<std::vector<Owned<X509>>, ContextError> certificates = read_certificates(pair.cert);
  if (!certificates) return certificates.error();
  Result<Owned<EVP_PKEY>, ContextError> key = read_key(pair.key);
  if (!key) return key.error();
  LoadedPair out;
  out.certificate = std::move(certificates->front());
  certificates->erase(certificates->begin());
  out.chain = *std::move(certificates);
  out.key = *std::move(key);
  ERR_clear_error();
  if (X509_check_private_key(out.certificate.get(), out.key.get()) != 1) return error_of(pair.key);
  out.facts = facts_of(out.certificate.get(), pair.cert);
  bound_by(out.chain, out.facts);
  return out;
}

Result<CertificateFacts, ContextError> read_certificate(const std::string& file) {
  Result<std::vector<Owned<X509>>, ContextError> certificates = read_certificates(file);
  if (!certificates) return certificates.error();
  const Owned<X509> own = std::move(certificates->front());
  certificates->erase(certificates->begin());
  CertificateFacts out = facts_of(own.get(), file);
  bound_by(*certificates, out);
  return out;
}

Result<CertificateFacts, ContextError> check_pair(const KeyPair& pair) {
  const Result<LoadedPair, ContextError> loaded = load_pair(pair);
  if (!loaded) return loaded.error();
  return loaded->facts;
}

}  // namespace postern::tls
