// SPDX-License-Identifier: Apache-2.0
#include "gateway/metrics_server.h"

#include "base/metrics.h"
#include "gateway/config_values.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

namespace postern::gateway {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using HttpStream = beast::basic_stream<boost::asio::ip::tcp, net::Executor>;

/// For one request and its answer.
constexpr std::chrono::seconds kPatience{10};
constexpr std::uint32_t kMostHeader = 8192;

http::response<http::string_body> answer(const http::request<http::empty_body>& request,
                                         const MetricsServer::Page& page) {
  http::response<http::string_body> out;
  out.version(request.version());
  out.keep_alive(false);
  out.set(http::field::content_type, "text/plain; charset=utf-8");
  const auto target = request.target().substr(0, request.target().find('?'));
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    out.result(http::status::method_not_allowed);
    out.set(http::field::allow, "GET, HEAD");
    out.body() = "only GET is answered\n";
  } else if (target != "/metrics") {
    out.result(http::status::not_found);
    out.body() = "the page is /metrics\n";
  } else {
    metrics::counter("postern_metrics_requests_total").add();
    out.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
    out.body() = page();
  }
  out.prepare_payload();
  if (request.method() == http::verb::head) out.body().clear();
  return out;
}

}  // namespace

struct MetricsServer::State {
  State(net::Executor executor, Page of) : acceptor(executor), page(std::move(of)) {}

  static net::Awaitable<void> accept_loop(std::shared_ptr<State> state);
  static net::Awaitable<void> serve(std::shared_ptr<State> state, net::Socket socket);

  net::Acceptor acceptor;
  Page page;
  std::size_t connections = 0;
  bool closed = false;
};

net::Awaitable<void> MetricsServer::State::accept_loop(std::shared_ptr<State> state) {
  net::Timer pause(state->acceptor.get_executor());
  while (!state->closed) {
    auto [ec, socket] = co_await state->acceptor.async_accept(net::as_result);
    if (state->closed) co_return;
    if (ec || state->connections >= kMostConnections) {
      // Too few descriptors, or somebody who asks in a loop: the mail goes before.
      if (!ec) continue;
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(net::as_result);
      continue;
    }
    ++state->connections;
    boost::asio::co_spawn(
        state->acceptor.get_executor(), serve(state, std::move(socket)), boost::asio::detached);
  }
}

net::Awaitable<void> MetricsServer::State::serve(std::shared_ptr<State> state, net::Socket socket) {
  HttpStream stream(std::move(socket));
  stream.expires_after(kPatience);
  beast::flat_buffer buffer(kMostHeader);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMostHeader);
  const auto [ec, octets] = co_await http::async_read(stream, buffer, parser, net::as_result);
  if (!ec && !state->closed) {
    const auto response = answer(parser.get(), state->page);
    co_await http::async_write(stream, response, net::as_result);
    beast::error_code ignored;
    stream.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }
  --state->connections;
}

Result<std::unique_ptr<MetricsServer>, std::string> MetricsServer::open(net::Executor executor,
                                                                        const std::string& listen,
                                                                        Page page) {
  using boost::asio::ip::tcp;
  const Parsed<Bind> where = parse_bind(listen);
  if (!where) return where.error().text;
  const net::Endpoint endpoint(where->address, where->port);
  auto state = std::make_shared<State>(executor, std::move(page));
  net::Acceptor& acceptor = state->acceptor;
  boost::system::error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec && endpoint.address().is_v6()) acceptor.set_option(boost::asio::ip::v6_only(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(boost::asio::socket_base::max_listen_connections, ec);
  if (ec) return fmt::format("metrics: cannot listen on {}: {}", listen, ec.message());
  boost::asio::co_spawn(executor, State::accept_loop(state), boost::asio::detached);
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(state)));
}

MetricsServer::MetricsServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

MetricsServer::~MetricsServer() {
  state_->closed = true;
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  state_->page = [] { return std::string(); };
}

net::Endpoint MetricsServer::endpoint() const {
  boost::system::error_code ignored;
  return state_->acceptor.local_endpoint(ignored);
}

}  // namespace postern::gateway
