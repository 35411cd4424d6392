// SPDX-License-Identifier: Apache-2.0
#include "tests/routing/policy/policy_peer.h"

#include "support/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace postern::routing::testing {
namespace {

constexpr std::chrono::seconds kPatience{30};

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

int listen_on_port(std::uint16_t port) {
  const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(out, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(::bind(out, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "bind");
  return out;
}

int listen_on_path(const std::string& path) {
  const int out = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::unlink(path.c_str());
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  require(path.size() < sizeof at.sun_path, "a path that is too long");
  path.copy(at.sun_path, path.size());
  require(::bind(out, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "bind");
  return out;
}

}  // namespace

PolicyPeer::PolicyPeer(std::string unix_path) : path_(std::move(unix_path)) {
  if (path_.empty()) port_ = test::free_port();
  start();
}

PolicyPeer::~PolicyPeer() {
  stop();
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::string PolicyPeer::server() const {
  return path_.empty() ? "inet:127.0.0.1:" + std::to_string(port_) : "unix:" + path_;
}

void PolicyPeer::start() {
  stopping_ = false;
  listener_ = path_.empty() ? listen_on_port(port_) : listen_on_path(path_);
  require(::listen(listener_, 64) == 0, "listen");
  acceptor_ = std::thread([this, listener = listener_] { accept_all(listener); });
}

void PolicyPeer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    held_ = false;
    for (const int descriptor : open_)
      ::shutdown(descriptor, SHUT_RDWR);
  }
  changed_.notify_all();
  if (listener_ < 0) return;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  listener_ = -1;
  for (std::thread& thread : threads_)
    thread.join();
  threads_.clear();
}

void PolicyPeer::accept_all(int listener) {
  for (;;) {
    const int descriptor = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      ::close(descriptor);
      return;
    }
    ++connections_;
    open_.insert(descriptor);
    threads_.emplace_back([this, descriptor] { serve(descriptor); });
  }
}

bool PolicyPeer::read_question(int descriptor, std::string& input, Question& out) const {
  std::size_t end = 0;
  while ((end = input.find("\n\n")) == std::string::npos) {
    char block[4096];
    const ssize_t got = ::recv(descriptor, block, sizeof block, 0);
    if (got <= 0) return false;
    input.append(block, static_cast<std::size_t>(got));
  }
  for (std::size_t at = 0; at <= end;) {
    const std::size_t line_end = input.find('\n', at);
    const std::size_t equals = input.find('=', at);
    out[input.substr(at, equals - at)] = input.substr(equals + 1, line_end - equals - 1);
    at = line_end + 1;
  }
  input.erase(0, end + 2);
  return true;
}

void PolicyPeer::serve(int descriptor) {
  std::string input;
  for (;;) {
    Question question;
    if (!read_question(descriptor, input, question)) break;
    std::unique_lock lock(mutex_);
    questions_.push_back(std::move(question));
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_ || stopping_; });
    Answer answer{"action=DUNNO\n\n"};
    if (!answers_.empty()) {
      answer = std::move(answers_.front());
      answers_.pop_front();
    }
    lock.unlock();
    ::send(descriptor, answer.octets.data(), answer.octets.size(), MSG_NOSIGNAL);
    if (answer.closes) break;
  }
  const std::lock_guard lock(mutex_);
  open_.erase(descriptor);
  ::close(descriptor);
}

void PolicyPeer::next(Answer answer) {
  const std::lock_guard lock(mutex_);
  answers_.push_back(std::move(answer));
}

void PolicyPeer::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

void PolicyPeer::release() {
  {
    const std::lock_guard lock(mutex_);
    held_ = false;
  }
  changed_.notify_all();
}

std::vector<PolicyPeer::Question> PolicyPeer::questions() const {
  const std::lock_guard lock(mutex_);
  return questions_;
}

void PolicyPeer::wait_for_questions(std::size_t count) const {
  std::unique_lock lock(mutex_);
  const bool came = changed_.wait_for(lock, kPatience, [&] { return questions_.size() >= count; });
  require(came, "the questions did not come");
}

}  // namespace postern::routing::testing
