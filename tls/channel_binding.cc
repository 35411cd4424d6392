// SPDX-License-Identifier: Apache-2.0
#include "tls/stream_core.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <optional>

namespace postern::tls {
namespace {

/// RFC 9266 4: label, no context, 32 octets.
std::optional<std::string> exporter(SSL* ssl) {
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  // Before TLS 1.3 the master secret need not be tied to the handshake (RFC 9266 4.2).
  if (SSL_version(ssl) < TLS1_3_VERSION) return std::nullopt;
  std::array<unsigned char, 32> octets{};
  const int done = SSL_export_keying_material(
      ssl, octets.data(), octets.size(), kLabel.data(), kLabel.size(), nullptr, 0, 1);
  if (done != 1) return std::nullopt;
  return std::string(octets.begin(), octets.end());
}

/// RFC 5929 4.1: the certificate by the hash of its signature, or SHA-256 in place of MD5 and
/// SHA-1.
std::optional<std::string> server_end_point(SSL* ssl) {
  const X509* const certificate =
      SSL_is_server(ssl) == 1 ? SSL_get_certificate(ssl) : SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return std::nullopt;
  int hash = NID_undef;
  const bool known = X509_get_signature_info(
                         const_cast<X509*>(certificate), &hash, nullptr, nullptr, nullptr) == 1;
  if (!known || hash == NID_undef) return std::nullopt;
  const EVP_MD* digest = EVP_get_digestbynid(hash);
  if (hash == NID_md5 || hash == NID_sha1 || hash == NID_md5_sha1) digest = EVP_sha256();
  std::array<unsigned char, EVP_MAX_MD_SIZE> octets{};
  unsigned size = 0;
  if (digest == nullptr || X509_digest(certificate, digest, octets.data(), &size) != 1)
    return std::nullopt;
  return std::string(octets.begin(), octets.begin() + size);
}

}  // namespace

ChannelBindings Stream::channel_bindings() const {
  ChannelBindings out;
  if (!core_->secure) return out;
  if (auto octets = exporter(core_->ssl)) out.push_back({"tls-exporter", *std::move(octets)});
  if (auto octets = server_end_point(core_->ssl))
    out.push_back({"tls-server-end-point", *std::move(octets)});
  ERR_clear_error();
  return out;
}

}  // namespace postern::tls
