// SPDX-License-Identifier: Apache-2.0
#include "tls/client_handshake.h"

#include "base/ip.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>

namespace postern::tls {
namespace {

struct FreeOctets {
  void operator()(unsigned char* p) const { OPENSSL_free(p); }
};

ClientHandshake* handshake_of(const SSL* ssl) {
  return static_cast<ClientHandshake*>(SSL_get_app_data(ssl));
}

std::string sha256(const unsigned char* octets, std::size_t size) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(octets, size, digest.data(), &length, EVP_sha256(), nullptr) != 1) return {};
  return {digest.begin(), digest.begin() + length};
}

std::string digest_of(const X509* certificate) {
  unsigned char* out = nullptr;
  const int size = i2d_X509(certificate, &out);
  const std::unique_ptr<unsigned char, FreeOctets> owner(out);
  return size > 0 ? sha256(out, static_cast<std::size_t>(size)) : std::string();
}

std::string key_digest_of(const X509* certificate) {
  unsigned char* out = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &out);
  const std::unique_ptr<unsigned char, FreeOctets> owner(out);
  return size > 0 ? sha256(out, static_cast<std::size_t>(size)) : std::string();
}

bool is_pinned(const X509* certificate, const std::vector<std::string>& pins) {
  const auto listed = [&pins](const std::string& digest) {
    return !digest.empty() && std::find(pins.begin(), pins.end(), digest) != pins.end();
  };
  return listed(digest_of(certificate)) || listed(key_digest_of(certificate));
}

/// RFC 9525: names are those of subjectAltName; a subject's common name is none.
bool is_for(X509* certificate, const std::string& name) {
  constexpr unsigned kFlags =
      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
  if (parse_ip(name)) return X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
  return X509_check_host(certificate, name.data(), name.size(), kFlags, nullptr) == 1;
}

Failure failure_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Failure::certificate_expired;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return Failure::certificate_host_mismatch;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_DANE_NO_MATCH:
      return Failure::certificate_not_trusted;
    default:
      return Failure::validation_failure;
  }
}

PeerOutcome failed(int error) {
  PeerOutcome out;
  out.failure = failure_of(error);
  out.detail = X509_verify_cert_error_string(error);
  return out;
}

PeerOutcome verified(PeerOutcome::By by) {
  PeerOutcome out;
  out.by = by;
  return out;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names)
    out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

PeerOutcome check_chain(X509_STORE_CTX* store, const PeerCheck& check) {
  if (X509_verify_cert(store) != 1) {
    const int error = X509_STORE_CTX_get_error(store);
    return failed(error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error);
  }
  X509* const certificate = X509_STORE_CTX_get0_cert(store);
  const bool named = std::any_of(check.names.begin(), check.names.end(), [&](const auto& name) {
    return is_for(certificate, name);
  });
  if (named) return verified(PeerOutcome::By::chain);
  X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
  PeerOutcome out = failed(X509_V_ERR_HOSTNAME_MISMATCH);
  out.detail = "the certificate is not for " + list_of(check.names);
  return out;
}

PeerOutcome check_pins(X509_STORE_CTX* store, const PeerCheck& check) {
  if (is_pinned(X509_STORE_CTX_get0_cert(store), check.pins)) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return verified(PeerOutcome::By::pin);
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  PeerOutcome out;
  out.failure = Failure::certificate_not_trusted;
  out.detail = "the certificate is none of those that are pinned";
  return out;
}

/// OpenSSL has the records, so many: ClientHandshake::prepare(). With none it would ask the
/// authorities instead.
PeerOutcome check_dane(X509_STORE_CTX* store, std::size_t records) {
  if (records == 0) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_DANE_NO_MATCH);
    PeerOutcome out;
    out.failure = Failure::tlsa_invalid;
    out.detail = "no TLSA record can be used";
    return out;
  }
  if (X509_verify_cert(store) == 1) return verified(PeerOutcome::By::dane);
  const int error = X509_STORE_CTX_get_error(store);
  return failed(error == X509_V_OK ? X509_V_ERR_DANE_NO_MATCH : error);
}

int verify_peer(X509_STORE_CTX* store, void* /*unused*/) {
  const auto* const ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  ClientHandshake* const handshake = handshake_of(ssl);
  if (handshake == nullptr || !handshake->terms.check) return 1;
  const PeerCheck& check = *handshake->terms.check;
  if (!check.must) {
    // What is told is what a check that must succeed would have found: prepare() asked for less.
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(store),
                                     SSL_CTX_get_security_level(SSL_get_SSL_CTX(ssl)));
  }
  if (!check.tlsa.empty()) {
    handshake->found = check_dane(store, handshake->records);
  } else if (!check.pins.empty()) {
    handshake->found = check_pins(store, check);
  } else if (check.chain) {
    handshake->found = check_chain(store, check);
  }
  return handshake->found.failure == Failure::none || !check.must ? 1 : 0;
}

/// Takes the session over by returning 1.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  const ClientHandshake* const handshake = handshake_of(ssl);
  if (handshake == nullptr || !handshake->terms.sessions) return 0;
  const ClientTerms& terms = handshake->terms;
  const PeerOutcome& outcome = handshake->outcome(ssl);
  if (terms.check && terms.check->must && !outcome.verified()) return 0;
  terms.sessions->put(
      terms.session_key, SessionCache::SessionPtr(session), outcome, handshake->verified_at(ssl));
  return 1;
}

/// Counts in `usable` those that OpenSSL takes.
bool add_records(SSL* ssl, const PeerCheck& check, std::size_t& usable) {
  if (check.names.empty() || SSL_dane_enable(ssl, check.names.front().c_str()) != 1) return false;
  // RFC 7672 section 3.1.1: with usage 3 the names of the certificate say nothing.
  SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  for (std::size_t i = 1; i < check.names.size(); ++i) {
    if (SSL_add1_host(ssl, check.names[i].c_str()) != 1) return false;
  }
  for (const TlsaRecord& record : check.tlsa) {
    if (!is_usable(record)) continue;
    const auto* const data = reinterpret_cast<const unsigned char*>(record.data.data());
    // 0: OpenSSL cannot use this one (a certificate that does not parse); the others count.
    const int added = SSL_dane_tlsa_add(
        ssl, record.usage, record.selector, record.matching, data, record.data.size());
    if (added < 0) return false;
    if (added > 0) ++usable;
  }
  return true;
}

}  // namespace

bool ClientHandshake::prepare(SSL* ssl) {
  if (SSL_set_app_data(ssl, this) != 1) return false;
  // RFC 6066 section 3: an address is no SNI.
  const std::string& name = terms.server_name;
  if (!name.empty() && !parse_ip(name)) SSL_set_tlsext_host_name(ssl, name.c_str());
  const bool must = terms.check && terms.check->must;
  SSL_set_verify(ssl, must ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  // Without a check that must succeed the alternative is plain text, as for an opportunistic
  // client.
  if (terms.check && !must) SSL_set_security_level(ssl, 0);
  const bool by_dane = terms.check && !terms.check->tlsa.empty();
  if (by_dane && !add_records(ssl, *terms.check, records)) return false;
  if (!terms.sessions) return true;
  SessionCache::Entry entry = terms.sessions->take(terms.session_key);
  if (!entry.session) return true;
  remembered = std::move(entry.outcome);
  remembered_at = entry.verified_at;
  return SSL_set_session(ssl, entry.session.get()) == 1;
}

void ClientHandshake::finish(SSL* /*ssl*/, bool succeeded) {
  if (!succeeded && terms.sessions) terms.sessions->forget(terms.session_key);
}

const PeerOutcome& ClientHandshake::outcome(const SSL* ssl) const {
  return SSL_session_reused(ssl) == 1 ? remembered : found;
}

net::TimePoint ClientHandshake::verified_at(const SSL* ssl) const {
  return SSL_session_reused(ssl) == 1 ? remembered_at : began;
}

void use_client_handshakes(SSL_CTX* context) {
  SSL_CTX_set_cert_verify_callback(context, &verify_peer, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context, &keep_session);
  SSL_CTX_dane_enable(context);
}

}  // namespace postern::tls
