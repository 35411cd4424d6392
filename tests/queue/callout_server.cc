// SPDX-License-Identifier: Apache-2.0
#include "callout_server.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace postern::test {

CalloutServer::CalloutServer(std::uint16_t port, std::map<std::string, std::string> replies)
    : to_rcpt(std::move(replies)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&at), size) != 0 ||
      ::listen(listener_, 64) != 0) {
    throw std::runtime_error("the callout server cannot listen");
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

CalloutServer::~CalloutServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const Connection& connection : connections_)
      ::shutdown(connection.socket, SHUT_RDWR);
    changed_.notify_all();
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  for (Connection& connection : connections_) {
    connection.thread.join();
    ::close(connection.socket);
  }
}

void CalloutServer::accept_all() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (socket < 0) return;
    connections_.emplace_back().socket = socket;
    if (stopping_) ::shutdown(socket, SHUT_RDWR);
    connections_.back().thread = std::thread([this, socket] { serve(socket); });
    changed_.notify_all();
  }
}

void CalloutServer::wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& until) {
  if (!changed_.wait_for(lock, std::chrono::seconds(30), until)) {
    throw std::runtime_error("the callout server waited for 30 s");
  }
}

void CalloutServer::serve(int socket) {
  const auto say = [socket](const std::string& text) {
    const std::string line = text + "\r\n";
    return ::send(socket, line.data(), line.size(), MSG_NOSIGNAL) > 0;
  };
  {
    std::unique_lock lock(mutex_);
    wait(lock, [this] { return !held_ || stopping_; });
  }
  bool alive = say(greeting);
  std::string input;
  std::array<char, 65536> block{};
  std::size_t said = 0;
  std::size_t recipients = 0;
  while (alive) {
    const ssize_t n = ::recv(socket, block.data(), block.size(), 0);
    if (n <= 0) break;
    const std::string read(block.data(), static_cast<std::size_t>(n));
    if (!read.starts_with("EHLO") && !read.starts_with("QUIT")) {
      const std::lock_guard lock(mutex_);
      reads_.push_back(read);
    }
    input += read;
    std::string out;
    for (std::size_t end = 0; alive && (end = input.find("\r\n")) != std::string::npos;) {
      const std::string line = input.substr(0, end);
      input.erase(0, end + 2);
      ++said;
      const bool enough = close_after != 0 && said > close_after;
      const std::string answer = enough ? std::string() : reply(line, recipients);
      alive = !answer.empty() && !line.starts_with("QUIT") && !answer.starts_with("421");
      if (!answer.empty()) out += answer + "\r\n";
    }
    if (!out.empty()) {
      out.resize(out.size() - 2);
      alive = say(out) && alive;
    }
  }
  ::shutdown(socket, SHUT_RDWR);
}

std::string CalloutServer::reply(const std::string& line, std::size_t& recipients) {
  std::unique_lock lock(mutex_);
  commands_.push_back(line);
  changed_.notify_all();
  if (line.starts_with("EHLO")) return ehlo;
  if (line.starts_with("MAIL")) {
    recipients = 0;
    return to_mail;
  }
  if (line.starts_with("RSET")) return to_rset;
  if (line.starts_with("QUIT")) return "221 bye";
  if (!line.starts_with("RCPT TO:<")) return "500 5.5.1 what?";
  wait(lock, [this] { return !rcpt_held_ || stopping_; });
  if (!to_mail.starts_with("2")) return "503 5.5.1 no MAIL";
  if (++recipients > most_recipients) return "452 4.5.3 too many recipients";
  const std::string local = line.substr(9, line.rfind('@') - 9);
  const auto found = to_rcpt.find(local);
  return found == to_rcpt.end() ? otherwise : found->second;
}

void CalloutServer::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void CalloutServer::hold_rcpt() {
  const std::lock_guard lock(mutex_);
  rcpt_held_ = true;
}

void CalloutServer::release() {
  const std::lock_guard lock(mutex_);
  held_ = rcpt_held_ = false;
  changed_.notify_all();
}

std::vector<std::string> CalloutServer::reads() const {
  const std::lock_guard lock(mutex_);
  return reads_;
}

std::vector<std::string> CalloutServer::commands() const {
  const std::lock_guard lock(mutex_);
  return commands_;
}

std::size_t CalloutServer::count(const std::string& verb) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(commands_.begin(), commands_.end(), [&](const std::string& line) {
        return line.starts_with(verb);
      }));
}

std::size_t CalloutServer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

void CalloutServer::wait_for_command(const std::string& verb, std::size_t times) {
  std::unique_lock lock(mutex_);
  wait(lock, [&] {
    return static_cast<std::size_t>(
               std::count_if(commands_.begin(), commands_.end(), [&](const std::string& line) {
                 return line.starts_with(verb);
               })) >= times;
  });
}

}  // namespace postern::test
