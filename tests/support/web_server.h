// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/test_ca.h"

#include <openssl/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postern::test {

/// An HTTPS server on 127.0.0.1 with a thread of its own: one request a connection, answered from a
/// table by "HOST PATH". Throws std::runtime_error when it cannot be set up.
class WebServer {
 public:
  explicit WebServer(const TestCa::Files& certificate);
  ~WebServer();
  WebServer(WebServer&&) = delete;

  std::uint16_t port() const { return port_; }
  /// The whole answer to a question, or nothing: then it says nothing and waits for the client.
  void answer(const std::string& host_and_path, const std::string& response);
  /// Nobody answers at all: connections are closed at once. False: as before.
  void be_down(bool down) { down_ = down; }
  /// Every request, head and body.
  std::vector<std::string> requests() const;

 private:
  void serve();
  void talk(int socket);

  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> down_{false};
  mutable std::mutex mutex_;
  std::map<std::string, std::string> answers_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

/// An answer with this status, such as "200 OK", and body.
std::string http_response(const std::string& status,
                          const std::string& body,
                          const std::string& type = "text/plain");

}  // namespace postern::test
