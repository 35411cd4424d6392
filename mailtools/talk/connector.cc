// SPDX-License-Identifier: Apache-2.0
#include "mailtools/talk/connector.h"

#include "base/ip.h"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

#include <memory>
#include <netdb.h>
#include <netinet/in.h>

namespace postern::talk {
namespace {

constexpr std::size_t kMostAddresses = 16;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

/// Shared with the timer's handler, which may run after the attempt is over.
struct Attempt {
  explicit Attempt(net::Executor executor) : socket(executor) {}
  net::Socket socket;
  bool over = false;
  bool late = false;
};

int native(Family family) {
  if (family == Family::ipv4) return AF_INET;
  return family == Family::ipv6 ? AF_INET6 : AF_UNSPEC;
}

net::error_code bind_to(net::Socket& socket, const net::Endpoint& to, const net::Endpoint& from) {
  net::error_code ec;
  socket.open(to.protocol(), ec);
  if (ec || (from.port() == 0 && from.address().is_unspecified())) return ec;
  socket.set_option(net::asio::socket_base::reuse_address(true), ec);
  // An unspecified address of the other family still has its port.
  const bool any = from.address().is_unspecified();
  if (!ec) socket.bind(any ? net::Endpoint(to.protocol(), from.port()) : from, ec);
  return ec;
}

}  // namespace

Result<std::vector<net::Endpoint>, TalkError> addresses_of(const Target& target) {
  std::vector<net::Endpoint> out;
  if (const auto address = parse_ip(target.host)) {
    const bool six = target.family == Family::ipv6;
    if (target.family != Family::any && address->is_v6() != six) {
      return TalkError{TalkError::Kind::unreachable,
                       fmt::format("{} is no IPv{} address", target.host, six ? 6 : 4)};
    }
    out.emplace_back(*address, target.port);
    return out;
  }
  addrinfo hints{};
  hints.ai_family = native(target.family);
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(target.host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, FreeAddresses> owner(found);
  if (status != 0) {
    return TalkError{TalkError::Kind::unreachable,
                     fmt::format("no address for {}: {}", target.host, ::gai_strerror(status))};
  }
  for (const addrinfo* at = found; at != nullptr && out.size() < kMostAddresses; at = at->ai_next) {
    net::Endpoint endpoint;
    if (at->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), at->ai_addr, at->ai_addrlen);
    endpoint.resize(at->ai_addrlen);
    endpoint.port(target.port);
    out.push_back(endpoint);
  }
  return out;
}

net::Awaitable<smtp::Connected> connect_from(net::Executor executor,
                                             net::Endpoint to,
                                             net::Endpoint from,
                                             net::TimePoint until) {
  const auto attempt = std::make_shared<Attempt>(executor);
  if (const net::error_code wrong = bind_to(attempt->socket, to, from))
    co_return smtp::Connected(wrong, std::move(attempt->socket));
  net::Timer timer(executor);
  if (until != net::TimePoint::max()) {
    timer.expires_at(until);
    timer.async_wait([attempt](net::error_code ec) {
      if (ec || attempt->over) return;
      attempt->late = true;
      attempt->socket.cancel(ec);
    });
  }
  auto [ec] = co_await attempt->socket.async_connect(to, net::as_result);
  attempt->over = true;
  // It may have been made just before.
  if (attempt->late && ec) ec = net::asio::error::timed_out;
  co_return smtp::Connected(ec, std::move(attempt->socket));
}

}  // namespace postern::talk
