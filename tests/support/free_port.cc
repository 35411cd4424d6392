// SPDX-License-Identifier: Apache-2.0
#include "support/free_port.h"

#include <netinet/in.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::test {
namespace {

// As tests/e2e/ports.py.
constexpr int kLowest = 20000;
constexpr int kHighest = 31999;
constexpr int kAttempts = 1000;

bool is_free(std::uint16_t port) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = ::bind(probe, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::close(probe);
  return free;
}

}  // namespace

std::uint16_t free_port() {
  // Of its own for each call: tests run beside each other in many processes.
  std::random_device random;
  std::uniform_int_distribution<int> any(kLowest, kHighest);
  for (int i = 0; i < kAttempts; ++i) {
    const auto port = static_cast<std::uint16_t>(any(random));
    if (is_free(port)) return port;
  }
  throw std::runtime_error("no free port");
}

}  // namespace postern::test
