// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace postern::test {

/// A blocking TCP connection, plain or TLS, that knows nothing of the code under test. Used by one
/// thread; only shut() may come from another. Every wait ends after 30 s, so that a test fails
/// rather than hangs.
class Wire {
 public:
  explicit Wire(int descriptor);
  ~Wire();
  Wire(Wire&&) = delete;

  static std::unique_ptr<Wire> connect(const std::string& ip, std::uint16_t port);

  /// The next line without its CRLF; none: the peer closed, or 30 s are over. has_ended() tells.
  std::optional<std::string> line();
  /// Exactly `octets` more of the input; false: the peer closed before.
  bool read(std::size_t octets, std::string& out);
  bool write(std::string_view octets);
  bool handshake(SSL_CTX* context, bool as_server);
  /// Something was read and not used yet.
  bool has_unread() const { return !input_.empty(); }
  /// The peer has closed or reset the connection, and all that it sent is read; without waiting.
  bool has_ended() const;
  bool is_tls() const { return ssl_ != nullptr; }
  /// By an earlier session of the other side.
  bool is_resumed() const;

  /// Ends a wait for input; the owner may still write. Any thread.
  void shut_input();
  /// Closes with a reset, so that the peer loses what it has not read.
  void abort();
  void close();

 private:
  bool fill();

  int descriptor_;
  SSL* ssl_ = nullptr;
  std::string input_;
};

/// What a server shows: a self-signed certificate made on the spot, as Exchange has one after
/// installation, or one of files.
class SelfSigned {
 public:
  explicit SelfSigned(const std::string& common_name);
  SelfSigned(const std::string& certificate, const std::string& key);
  ~SelfSigned();
  SelfSigned(SelfSigned&&) = delete;
  SSL_CTX* context() const { return context_; }
  /// From now on handshakes of clients that offer a session fail.
  void break_resumption() const;

 private:
  SSL_CTX* context_;
};

}  // namespace postern::test
