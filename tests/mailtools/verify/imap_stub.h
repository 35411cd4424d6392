// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/wire.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <utility>
#include <vector>

namespace postern::verify {

/// An IMAP server on 127.0.0.1 for one client after another, who may log in as anybody and select
/// any folder. It ends when its client has gone. A thread of its own serves.
class ImapStub {
 public:
  /// The untagged lines of the answer to a command (without its tag); "NO" refuses it. Called by
  /// the server's thread.
  using Answers = std::function<std::string(const std::string& command)>;

  explicit ImapStub(Answers answers)
      : answers_(std::move(answers)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 4) != 0 ||
        ::getsockname(listener_, any, &size) != 0) {
      throw std::runtime_error("no listener");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ImapStub() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    test::Wire(listener_).close();
  }
  ImapStub(ImapStub&&) = delete;

  std::uint16_t port() const { return port_; }
  /// Those behind the login.
  std::vector<std::string> commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
  }

 private:
  void serve() {
    for (;;) {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      test::Wire wire(client);
      wire.write("* OK ready\r\n");
      while (const auto line = wire.line())
        answer(wire, *line);
    }
  }

  void answer(test::Wire& wire, const std::string& line) {
    const std::string tag = line.substr(0, line.find(' '));
    const std::string command = line.substr(std::min(tag.size() + 1, line.size()));
    std::string untagged;
    if (command == "CAPABILITY") {
      untagged = "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS\r\n";
    } else if (!command.starts_with("AUTHENTICATE")) {
      const std::lock_guard lock(mutex_);
      commands_.push_back(command);
      untagged = answers_(command);
    }
    const bool refused = untagged == "NO";
    wire.write((refused ? "" : untagged) + tag + (refused ? " NO not now\r\n" : " OK done\r\n"));
  }

  Answers answers_;
  int listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> commands_;
  std::thread thread_;
};

}  // namespace postern::verify
