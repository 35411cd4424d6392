// SPDX-License-Identifier: Apache-2.0
#include "gateway/control_sink.h"

#include <cerrno>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace postern::gateway {
namespace {

constexpr std::size_t kPiece = 64UL << 10;

}  // namespace

ControlSink::~ControlSink() {
  ::close(fd_);
}

void ControlSink::line(const nlohmann::ordered_json& object) {
  // Addresses may hold octets that are not UTF-8; the line must be JSON all the same.
  pending_ += object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  pending_ += '\n';
  if (pending_.size() >= kPiece) flush();
}

void ControlSink::done(nlohmann::ordered_json object) {
  object["done"] = true;
  line(object);
  flush();
  ::shutdown(fd_, SHUT_RDWR);
}

void ControlSink::refuse(std::string_view why) {
  nlohmann::ordered_json object;
  object["error"] = std::string(why);
  done(std::move(object));
}

void ControlSink::cancel() {
  over_.store(true, std::memory_order_relaxed);
  ::shutdown(fd_, SHUT_RDWR);
}

void ControlSink::flush() {
  std::string_view rest = pending_;
  while (!rest.empty() && !is_over()) {
    const ssize_t n = ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      over_.store(true, std::memory_order_relaxed);
    } else {
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  pending_.clear();
}

}  // namespace postern::gateway
