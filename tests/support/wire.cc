// SPDX-License-Identifier: Apache-2.0
#include "support/wire.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::test {
namespace {

constexpr int kPatienceSeconds = 30;

}  // namespace

Wire::Wire(int descriptor) : descriptor_(descriptor) {
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // OpenSSL writes without MSG_NOSIGNAL.
  std::signal(SIGPIPE, SIG_IGN);
}

Wire::~Wire() {
  close();
}

std::unique_ptr<Wire> Wire::connect(const std::string& ip, std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  inet_pton(AF_INET, ip.c_str(), &to.sin_addr);
  auto wire = std::make_unique<Wire>(descriptor);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return nullptr;
  return wire;
}

bool Wire::fill() {
  std::array<char, 16384> block{};
  const auto n = ssl_ != nullptr
                     ? SSL_read(ssl_, block.data(), static_cast<int>(block.size()))
                     : static_cast<int>(::recv(descriptor_, block.data(), block.size(), 0));
  if (n <= 0) return false;
  input_.append(block.data(), static_cast<std::size_t>(n));
  return true;
}

std::optional<std::string> Wire::line() {
  std::size_t end = input_.find("\r\n");
  while (end == std::string::npos) {
    if (!fill()) return std::nullopt;
    end = input_.find("\r\n");
  }
  std::string out = input_.substr(0, end);
  input_.erase(0, end + 2);
  return out;
}

bool Wire::has_ended() const {
  char octet = 0;
  const auto n = ::recv(descriptor_, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno == ECONNRESET);
}

bool Wire::read(std::size_t octets, std::string& out) {
  while (octets > 0) {
    if (input_.empty() && !fill()) return false;
    const std::size_t n = std::min(octets, input_.size());
    out.append(input_, 0, n);
    input_.erase(0, n);
    octets -= n;
  }
  return true;
}

bool Wire::write(std::string_view octets) {
  while (!octets.empty()) {
    const auto n =
        ssl_ != nullptr
            ? SSL_write(ssl_, octets.data(), static_cast<int>(octets.size()))
            : static_cast<int>(::send(descriptor_, octets.data(), octets.size(), MSG_NOSIGNAL));
    if (n <= 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool Wire::handshake(SSL_CTX* context, bool as_server) {
  ssl_ = SSL_new(context);
  SSL_set_fd(ssl_, descriptor_);
  return (as_server ? SSL_accept(ssl_) : SSL_connect(ssl_)) == 1;
}

bool Wire::is_resumed() const {
  return ssl_ != nullptr && SSL_session_reused(ssl_) == 1;
}

void Wire::shut_input() {
  ::shutdown(descriptor_, SHUT_RD);
}

void Wire::abort() {
  const linger at_once{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void Wire::close() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  ssl_ = nullptr;
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

SelfSigned::SelfSigned(const std::string& common_name) : context_(SSL_CTX_new(TLS_method())) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  if (context_ == nullptr || key == nullptr || certificate == nullptr) {
    throw std::runtime_error("no self-signed certificate");
  }
  constexpr long kDay = 24L * 60 * 60;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kDay);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name,
                             "CN",
                             MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()),
                             -1,
                             -1,
                             0);
  X509_set_issuer_name(certificate, name);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  SSL_CTX_use_certificate(context_, certificate);
  SSL_CTX_use_PrivateKey(context_, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

SelfSigned::SelfSigned(const std::string& certificate, const std::string& key)
    : context_(SSL_CTX_new(TLS_method())) {
  if (SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw std::runtime_error("no certificate " + certificate);
  }
}

void SelfSigned::break_resumption() const {
  const auto refuse = [](SSL* ssl, int* /*alert*/, void* /*unused*/) {
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    const int offered = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &data, &size);
    return offered == 1 ? SSL_CLIENT_HELLO_ERROR : SSL_CLIENT_HELLO_SUCCESS;
  };
  SSL_CTX_set_client_hello_cb(context_, refuse, nullptr);
}

SelfSigned::~SelfSigned() {
  SSL_CTX_free(context_);
}

}  // namespace postern::test
