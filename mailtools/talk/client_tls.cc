// SPDX-License-Identifier: Apache-2.0
#include "mailtools/talk/client_tls.h"

#include "base/ip.h"
#include "tls/certificate.h"
#include "tls/error.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <filesystem>

namespace postern::talk {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Memory = std::unique_ptr<BIO, FreeBio>;

Memory new_memory() {
  return Memory(BIO_new(BIO_s_mem()));
}

std::string text_of(const Memory& memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

/// Control characters and what is not ASCII are escaped.
std::string name_text(const X509_NAME* name) {
  const Memory memory = new_memory();
  if (!memory || X509_NAME_print_ex(memory.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  return text_of(memory);
}

std::string time_text(const ASN1_TIME* time) {
  const Memory memory = new_memory();
  if (!memory || ASN1_TIME_print(memory.get(), time) != 1) return {};
  return text_of(memory);
}

std::string pem_of(X509* certificate) {
  const Memory memory = new_memory();
  if (!memory || PEM_write_bio_X509(memory.get(), certificate) != 1) return {};
  return text_of(memory);
}

int facts_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

void describe_peer(X509* certificate, TlsFacts& out) {
  out.subject = name_text(X509_get_subject_name(certificate));
  out.issuer = name_text(X509_get_issuer_name(certificate));
  out.not_before = time_text(X509_get0_notBefore(certificate));
  out.not_after = time_text(X509_get0_notAfter(certificate));
  out.names = tls::facts_of(certificate, "").names;
  out.fingerprint = tls::fingerprint_of(certificate);
  out.pem = pem_of(certificate);
}

/// OpenSSL keeps the server's certificate behind the handshake; the stream's SSL is not ours.
void on_info(const SSL* ssl, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_DONE) == 0) return;
  auto* const facts =
      static_cast<TlsFacts*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), facts_index()));
  if (facts == nullptr) return;
  const std::unique_ptr<X509, FreeX509> certificate(SSL_get1_peer_certificate(ssl));
  if (certificate) describe_peer(certificate.get(), *facts);
}

TalkError wrong_file(const std::string& file) {
  return TalkError{TalkError::Kind::local, fmt::format("{}: {}", file, tls::take_error_text())};
}

}  // namespace

ClientTls::ClientTls(std::shared_ptr<const tls::Context> context) : context_(std::move(context)) {
  SSL_CTX_set_ex_data(context_->native(), facts_index(), &certificate_);
  SSL_CTX_set_info_callback(context_->native(), on_info);
}

ClientTls::~ClientTls() {
  // A stream may hold the context longer than this.
  SSL_CTX_set_ex_data(context_->native(), facts_index(), nullptr);
}

Result<std::unique_ptr<ClientTls>, TalkError> ClientTls::make(const TlsTerms& terms) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(terms.ca, ignored);
  auto context = terms.verify ? tls::Context::verifying_client(folder ? std::string() : terms.ca)
                              : tls::Context::opportunistic_client();
  if (!context) {
    const tls::ContextError& why = context.error();
    return TalkError{TalkError::Kind::local, fmt::format("{}: {}", why.file, why.message)};
  }
  std::unique_ptr<ClientTls> out(new ClientTls(*context));
  if (terms.verify && folder) {
    // Instead of the system's, which are there already.
    SSL_CTX_set_cert_store((*context)->native(), X509_STORE_new());
    if (SSL_CTX_load_verify_dir((*context)->native(), terms.ca.c_str()) != 1)
      return wrong_file(terms.ca);
  }
  if (Result<void, TalkError> used = out->use(terms); !used) return std::move(used).error();
  return out;
}

Result<void, TalkError> ClientTls::use(const TlsTerms& terms) {
  SSL_CTX* const native = context_->native();
  ERR_clear_error();
  if (!terms.cert.empty()) {
    const std::string& key = terms.key.empty() ? terms.cert : terms.key;
    if (SSL_CTX_use_certificate_chain_file(native, terms.cert.c_str()) != 1)
      return wrong_file(terms.cert);
    if (SSL_CTX_use_PrivateKey_file(native, key.c_str(), SSL_FILETYPE_PEM) != 1)
      return wrong_file(key);
    certificate_.own_subject = name_text(X509_get_subject_name(SSL_CTX_get0_certificate(native)));
  }
  if (!terms.ciphers.empty() && SSL_CTX_set_cipher_list(native, terms.ciphers.c_str()) != 1) {
    return TalkError{TalkError::Kind::local,
                     fmt::format("\"{}\": {}", terms.ciphers, tls::take_error_text())};
  }
  if (terms.least_version != 0) SSL_CTX_set_min_proto_version(native, terms.least_version);
  if (terms.most_version != 0) SSL_CTX_set_max_proto_version(native, terms.most_version);
  return {};
}

tls::ClientTerms ClientTls::terms_for(const TlsTerms& terms, const std::string& host) {
  tls::ClientTerms out;
  out.server_name = terms.server_name.empty() ? host : terms.server_name;
  if (!terms.verify) return out;
  auto check = std::make_shared<tls::PeerCheck>();
  check->chain = true;
  check->names = terms.names;
  if (check->names.empty()) check->names.push_back(host);
  for (std::string& name : check->names) {
    if (!parse_ip(name)) name = tls::plain_host(name);
  }
  out.check = std::move(check);
  return out;
}

TlsFacts ClientTls::facts(const tls::Stream& stream) const {
  TlsFacts out = certificate_;
  const tls::PeerOutcome& peer = stream.peer();
  out.verified = peer.verified();
  out.problem = peer.detail;
  if (const tls::Info* const info = stream.info()) {
    out.version = info->version;
    out.cipher = info->cipher;
    out.bits = info->bits;
    out.fingerprint = info->peer_fingerprint;
  }
  return out;
}

}  // namespace postern::talk
