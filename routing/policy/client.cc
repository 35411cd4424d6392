// SPDX-License-Identifier: Apache-2.0
#include "routing/policy/client.h"

#include "base/endpoint_text.h"
#include "routing/policy/connections.h"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <memory>
#include <utility>

namespace postern::routing {
namespace {

constexpr std::size_t kMostPath = 107;  ///< sun_path with its NUL has 108 octets

PolicyConnection::Endpoint endpoint_of(const PolicyServer& server) {
  if (!server.path.empty()) return net::asio::local::stream_protocol::endpoint(server.path);
  return net::Endpoint(server.address, server.port);
}

std::string sentence(const net::error_code& error) {
  if (error == net::asio::error::eof) return "the connection was closed without an answer";
  if (error == net::asio::error::message_size) return "more than one answer, or none that ends";
  return error.message();
}

/// What one try gives: an answer, or why there is none.
struct Tried {
  net::error_code error;
  bool expired = false;
  std::string answer;
};

net::Awaitable<Tried> try_once(std::shared_ptr<PolicyConnection> connection,
                               const PolicyCall& call,
                               bool is_new,
                               net::TimePoint deadline) {
  Tried out;
  connection->arm(deadline);
  if (is_new) {
    out.error = co_await connection->connect(endpoint_of(call.server));
  }
  if (!out.error) {
    out.error = co_await connection->exchange(call.question, out.answer);
  }
  connection->disarm();
  out.expired = connection->has_expired();
  co_return out;
}

}  // namespace

std::optional<PolicyServer> PolicyServer::parse(std::string_view text) {
  constexpr std::string_view kInet = "inet:";
  constexpr std::string_view kUnix = "unix:";
  PolicyServer out;
  out.text = std::string(text);
  if (text.starts_with(kUnix)) {
    out.path = std::string(text.substr(kUnix.size()));
    const bool is_path = out.path.starts_with('/') && out.path.size() <= kMostPath &&
                         out.path.find('\0') == std::string::npos;
    return is_path ? std::optional(std::move(out)) : std::nullopt;
  }
  if (!text.starts_with(kInet)) return std::nullopt;
  const std::optional<net::Endpoint> where = parse_endpoint(text.substr(kInet.size()));
  if (!where || where->port() == 0) return std::nullopt;
  out.address = where->address();
  out.port = where->port();
  return out;
}

net::Awaitable<Result<std::string, std::string>> ask_policy_server(PolicyCall call) {
  const net::Executor executor = co_await net::asio::this_coro::executor;
  PolicyLane& lane = net::asio::use_service<PolicyConnections>(executor.context())
                         .lane(executor, call.server.text);
  using Outcome = Result<std::string, std::string>;
  const std::string late =
      fmt::format("no answer within {} s", std::chrono::duration<double>(call.timeout).count());
  if (lane.is_silent(net::Clock::now())) {
    co_return Outcome(boost::system::in_place_error, late + ", several times just now");
  }
  const net::TimePoint deadline = net::Clock::now() + call.timeout;
  const std::optional<PolicyLane::Place> place = co_await lane.enter(call.connections, deadline);
  if (!place) {
    co_return Outcome(boost::system::in_place_error, "all connections were busy for too long");
  }
  std::shared_ptr<PolicyConnection> connection = lane.take_kept();
  for (;;) {
    const bool is_new = connection == nullptr;
    if (is_new) connection = std::make_shared<PolicyConnection>(executor);
    Tried tried = co_await try_once(connection, call, is_new, deadline);
    if (!tried.error) {
      lane.note_answer();
      lane.keep(std::move(connection));
      co_return Outcome(boost::system::in_place_value, std::move(tried.answer));
    }
    if (tried.expired) {
      lane.note_silence(net::Clock::now());
      co_return Outcome(boost::system::in_place_error, late);
    }
    if (is_new) co_return Outcome(boost::system::in_place_error, sentence(tried.error));
    // Closed while it was idle, most likely by a restart that the others have not outlived either.
    lane.drop_kept();
    connection.reset();
  }
}

}  // namespace postern::routing
