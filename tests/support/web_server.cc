// SPDX-License-Identifier: Apache-2.0
#include "support/web_server.h"

#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::test {
namespace {

constexpr int kLook = 20;  // milliseconds between two looks whether it is the end

std::string lower_case(std::string text) {
  for (char& c : text)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

/// The value of a header field; empty: it is not there.
std::string field(const std::string& head, const std::string& name) {
  const std::size_t at = lower_case(head).find("\r\n" + name + ":");
  if (at == std::string::npos) return {};
  std::size_t begin = at + 2 + name.size() + 1;
  while (begin < head.size() && head[begin] == ' ')
    ++begin;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

/// Head and body; less: the client went away.
std::string read_request(SSL* ssl) {
  std::string out;
  std::array<char, 4096> piece{};
  for (;;) {
    const std::size_t end = out.find("\r\n\r\n");
    if (end != std::string::npos) {
      const std::string length = field(out.substr(0, end + 2), "content-length");
      const std::size_t body = length.empty() ? 0 : std::strtoul(length.c_str(), nullptr, 10);
      if (out.size() >= end + 4 + body) return out;
    }
    const int got = SSL_read(ssl, piece.data(), static_cast<int>(piece.size()));
    if (got <= 0) return out;
    out.append(piece.data(), static_cast<std::size_t>(got));
  }
}

/// "HOST PATH", the host without its port.
std::string asked_for(const std::string& request) {
  const std::size_t path = request.find(' ') + 1;
  const std::string host = field(request, "host");
  return host.substr(0, host.find(':')) + " " +
         request.substr(path, request.find(' ', path) - path);
}

}  // namespace

WebServer::WebServer(const TestCa::Files& certificate)
    : context_(SSL_CTX_new(TLS_server_method())) {
  if (SSL_CTX_use_certificate_chain_file(context_, certificate.certificate.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context_, certificate.key.c_str(), SSL_FILETYPE_PEM) != 1)
    throw std::runtime_error("the web server's certificate cannot be used");
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, raw, size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, raw, &size) != 0)
    throw std::runtime_error("the web server cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

WebServer::~WebServer() {
  stopping_ = true;
  thread_.join();
  ::close(listener_);
  SSL_CTX_free(context_);
}

void WebServer::answer(const std::string& host_and_path, const std::string& response) {
  const std::lock_guard lock(mutex_);
  answers_[host_and_path] = response;
}

std::vector<std::string> WebServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void WebServer::serve() {
  // A client that goes away in the middle is no end of the test.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  while (!stopping_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, kLook) <= 0) continue;
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    if (!down_) talk(socket);
    ::close(socket);
  }
}

void WebServer::talk(int socket) {
  SSL* const ssl = SSL_new(context_);
  SSL_set_fd(ssl, socket);
  if (SSL_accept(ssl) == 1) {
    const std::string request = read_request(ssl);
    std::string response;
    if (!request.empty()) {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
      const auto at = answers_.find(asked_for(request));
      response = at == answers_.end() ? http_response("404 Not Found", "") : at->second;
    }
    if (request.empty()) {
      // The client went away without a word: it did not like the certificate.
    } else if (!response.empty()) {
      SSL_write(ssl, response.data(), static_cast<int>(response.size()));
      SSL_shutdown(ssl);
    } else {
      pollfd gone{socket, POLLIN, 0};
      while (!stopping_ && ::poll(&gone, 1, kLook) <= 0) {
      }
    }
  }
  SSL_free(ssl);
}

std::string http_response(const std::string& status,
                          const std::string& body,
                          const std::string& type) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
         body;
}

}  // namespace postern::test
