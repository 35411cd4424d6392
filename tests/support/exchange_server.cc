// SPDX-License-Identifier: Apache-2.0
#include "support/exchange_server.h"

#include "support/exchange_session.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::test {
namespace {

constexpr std::chrono::seconds kPatience{30};

/// An IPv4 or IPv6 address as the socket calls want it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  sockaddr_in* v4() { return reinterpret_cast<sockaddr_in*>(&storage); }
  sockaddr_in6* v6() { return reinterpret_cast<sockaddr_in6*>(&storage); }

  void set(const std::string& text) {
    const bool is_v6 = text.find(':') != std::string::npos;
    storage.ss_family = is_v6 ? AF_INET6 : AF_INET;
    size = is_v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    inet_pton(storage.ss_family,
              text.c_str(),
              is_v6 ? static_cast<void*>(&v6()->sin6_addr) : &v4()->sin_addr);
  }
  std::string text() {
    std::array<char, INET6_ADDRSTRLEN> out{};
    const bool is_v6 = storage.ss_family == AF_INET6;
    inet_ntop(storage.ss_family,
              is_v6 ? static_cast<const void*>(&v6()->sin6_addr) : &v4()->sin_addr,
              out.data(),
              out.size());
    return out.data();
  }
  std::uint16_t port() {
    return ntohs(storage.ss_family == AF_INET6 ? v6()->sin6_port : v4()->sin_port);
  }
};

/// A listening socket at `address`; `port` 0: one that the system chooses.
int listen_at(const std::string& address, std::uint16_t& port) {
  SocketAddress at;
  at.set(address);
  // Both families have the port at the same place.
  at.v4()->sin_port = htons(port);
  const int descriptor = ::socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int reuse = port != 0 ? 1 : 0;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
  if (::bind(descriptor, at.raw(), at.size) != 0 || ::listen(descriptor, 128) != 0 ||
      ::getsockname(descriptor, at.raw(), &at.size) != 0) {
    throw std::runtime_error("cannot listen at " + address);
  }
  port = at.port();
  return descriptor;
}

}  // namespace

void ExchangeHabits::withdraw(const std::string& capability) {
  std::erase_if(capabilities, [&](const std::string& line) {
    return line == capability || line.starts_with(capability + " ");
  });
}

ExchangeServer::ExchangeServer(ExchangeHabits habits)
    : habits_(std::move(habits)),
      certificate_(habits_.certificate.empty() ? SelfSigned(habits_.hostname)
                                               : SelfSigned(habits_.certificate, habits_.key)),
      port_(habits_.port) {
  if (habits_.breaks_resumption) certificate_.break_resumption();
  listener_ = listen_at(habits_.address, port_);
  acceptor_ = std::thread([this] { accept_all(); });
}

ExchangeServer::~ExchangeServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Session& session : sessions_) {
      if (!session.over) session.wire->shut_input();
    }
    changed_.notify_all();
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  for (Session& session : sessions_)
    session.thread.join();
}

void ExchangeServer::accept_all() {
  for (;;) {
    SocketAddress peer;
    const int descriptor = ::accept4(listener_, peer.raw(), &peer.size, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (descriptor < 0 || stopping_) {
      if (descriptor >= 0) ::close(descriptor);
      return;
    }
    Session& session = sessions_.emplace_back();
    session.wire = std::make_unique<Wire>(descriptor);
    session.source = peer.text();
    session.born = session.last_command = now_;
    const std::size_t number = connections_++;
    const auto open =
        std::count_if(sessions_.begin(), sessions_.end(), [](const Session& s) { return !s.over; });
    most_open_ = std::max(most_open_, static_cast<std::size_t>(open));
    session.thread = std::thread([this, &session, number] { serve(session, number); });
    changed_.notify_all();
  }
}

void ExchangeServer::serve(Session& session, std::size_t number) {
  ExchangeSession(*this, session, number).run();
  const std::lock_guard lock(mutex_);
  session.over = true;
  session.wire->close();
  changed_.notify_all();
}

void ExchangeServer::wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& until) {
  if (!changed_.wait_for(lock, kPatience, until)) throw std::runtime_error("waited in vain");
}

void ExchangeServer::plan(At at, Fault fault) {
  const std::lock_guard lock(mutex_);
  faults_[at].push_back(std::move(fault));
}

void ExchangeServer::release() {
  const std::lock_guard lock(mutex_);
  ++releases_;
  changed_.notify_all();
}

void ExchangeServer::wait_for_held(std::size_t sessions) {
  std::unique_lock lock(mutex_);
  wait(lock, [&] { return held_ >= sessions; });
}

void ExchangeServer::advance(std::chrono::seconds span) {
  const std::lock_guard lock(mutex_);
  now_ += span;
  for (Session& session : sessions_) {
    const bool too_long = now_ - session.born >= habits_.session;
    const bool too_idle = now_ - session.last_command >= habits_.idle;
    if (session.over || (!too_long && !too_idle)) continue;
    session.cut = true;
    session.wire->shut_input();
  }
}

std::vector<Mail> ExchangeServer::mails() const {
  const std::lock_guard lock(mutex_);
  return mails_;
}

std::vector<Mail> ExchangeServer::wait_for_mails(std::size_t count) {
  std::unique_lock lock(mutex_);
  wait(lock, [&] { return mails_.size() >= count; });
  return mails_;
}

std::vector<std::string> ExchangeServer::commands() const {
  const std::lock_guard lock(mutex_);
  return commands_;
}

std::size_t ExchangeServer::count_commands(const std::string& verb) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(commands_.begin(), commands_.end(), [&](const std::string& line) {
        return line.starts_with(verb);
      }));
}

void ExchangeServer::wait_for_command(const std::string& verb, std::size_t count) {
  std::unique_lock lock(mutex_);
  wait(lock, [&] {
    const auto seen = std::count_if(commands_.begin(), commands_.end(), [&](const auto& line) {
      return line.starts_with(verb);
    });
    return static_cast<std::size_t>(seen) >= count;
  });
}

void ExchangeServer::say_unasked(const std::string& line) {
  const std::lock_guard lock(mutex_);
  for (Session& session : sessions_) {
    if (!session.over) session.wire->write(line + "\r\n");
  }
}

std::size_t ExchangeServer::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

std::size_t ExchangeServer::open_sessions() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(sessions_.begin(), sessions_.end(), [](const Session& s) { return !s.over; }));
}

std::size_t ExchangeServer::most_open() const {
  const std::lock_guard lock(mutex_);
  return most_open_;
}

void ExchangeServer::wait_for_open_sessions(std::size_t count) {
  std::unique_lock lock(mutex_);
  wait(lock, [&] {
    const auto open =
        std::count_if(sessions_.begin(), sessions_.end(), [](const Session& s) { return !s.over; });
    return static_cast<std::size_t>(open) == count;
  });
}

}  // namespace postern::test
