// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "recording_service.h"
#include "smtp/session/server_session.h"

#include <gtest/gtest.h>
#include <openssl/types.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace postern::smtp {

/// The client's end of a session under test: blocking, with a limit after which a test fails rather
/// than hangs.
class TestClient {
 public:
  explicit TestClient(const net::Endpoint& server);
  ~TestClient();
  TestClient(TestClient&&) = delete;
  void send(std::string_view octets);
  /// Begins TLS: everything after it is inside. False: the handshake failed.
  bool secure(SSL_CTX* context);
  /// What send() would send in plain, also behind secure().
  void send_plain(std::string_view octets);
  /// One whole reply, lines joined by '\n' without their CRLF; "" when the server closed.
  std::string reply();
  /// Sends a line with CRLF and returns the reply to it.
  std::string ask(const std::string& line);
  /// One line without its CRLF; "" when the server closed.
  std::string line();
  bool closed_by_server();
  /// Segments with data that have come: how often the server wrote, when it writes little at a
  /// time.
  unsigned segments();
  void close();

 private:
  net::asio::io_context context_;
  net::asio::ip::tcp::socket socket_;
  std::string buffer_;
  SSL* ssl_ = nullptr;
};

/// One server session on a thread of its own, at a port that the system chose.
class SessionTest : public ::testing::Test {
 protected:
  SessionTest();
  ~SessionTest() override;

  /// Connects, behind the end of the session before; `before` is sent before the server looks at
  /// the connection at all.
  TestClient& connect(std::string_view before = {});
  /// Waits until the session has ended, so that `service` may be read.
  void finish();
  void finish_by_quit(TestClient& client);
  /// Runs stop() on the session's thread.
  void stop_session();
  /// Through greeting and EHLO.
  TestClient& connect_and_greet();

  SessionOptions options;
  RecordingService service;
  bool expects_proxy = false;  ///< the client is a balancer

 private:
  net::IoContext context_{1};
  net::Acceptor acceptor_;
  std::optional<TestClient> client_;
  std::unique_ptr<ServerSession> session_;
  std::thread thread_;
};

}  // namespace postern::smtp
