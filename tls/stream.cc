// SPDX-License-Identifier: Apache-2.0
#include "tls/stream.h"

#include "tls/error.h"
#include "tls/stream_core.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace postern::tls {
namespace asio = net::asio;

Stream::Core::Core(net::Socket s) : socket(std::move(s)), timer_(socket.get_executor()) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
}

void Stream::Core::expires_at(net::TimePoint when) {
  deadline_ = when;
  passed_ = false;
  // A later deadline needs no system call: when the timer fires, it sees that it has to wait on.
  if (when < armed_for_) arm();
}

void Stream::Core::arm() {
  armed_for_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([core = shared_from_this()](const error_code& ec) {
    if (ec != asio::error::operation_aborted) core->on_timer();
  });
}

void Stream::Core::on_timer() {
  armed_for_ = net::TimePoint::max();
  if (!socket.is_open() || deadline_ == net::TimePoint::max()) return;
  if (net::Clock::now() < deadline_) {
    arm();
    return;
  }
  if (sending == 0) {
    passed_ = true;
  } else {
    broken = asio::error::timed_out;
  }
  error_code ignored;
  socket.cancel(ignored);
}

error_code Stream::Core::obstacle() const {
  if (broken) return broken;
  if (passed_) return asio::error::timed_out;
  if (!socket.is_open()) return asio::error::operation_aborted;
  return {};
}

error_code Stream::Core::cause(error_code ec) const {
  if (ec != asio::error::operation_aborted) return ec;
  if (broken) return broken;
  return passed_ ? error_code(asio::error::timed_out) : ec;
}

void Stream::Core::close() {
  if (!socket.is_open()) return;
  if (secure && !broken && (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN) == 0) {
    ERR_clear_error();
    SSL_shutdown(ssl);
    ERR_clear_error();
  }
  error_code ignored;
  socket.close(ignored);
  timer_.cancel();
  armed_for_ = net::TimePoint::max();
}

Stream::Stream(net::Socket socket) : core_(std::make_shared<Core>(std::move(socket))) {
  error_code ignored;
  remote_ = core_->socket.remote_endpoint(ignored);
  local_ = core_->socket.local_endpoint(ignored);
}

Stream::~Stream() {
  close();
}

void Stream::expires_at(net::TimePoint when) {
  core_->expires_at(when);
}

net::Awaitable<error_code> Stream::wait_readable() {
  return Core::wait_readable(core_);
}

net::Awaitable<Stream::IoResult> Stream::read_some(std::span<char> buffer) {
  return Core::read_some(core_, buffer);
}

net::Awaitable<Stream::IoResult> Stream::write(std::string_view data) {
  return Core::write(core_, data, {}, Follows::nothing);
}

net::Awaitable<Stream::IoResult> Stream::write(std::string_view first,
                                               std::string_view second,
                                               Follows follows) {
  return Core::write(core_, first, second, follows);
}

net::Awaitable<error_code> Stream::handshake_server(const Context& context) {
  const error_code ec = core_->prepare_tls(context);
  if (!ec) SSL_set_accept_state(core_->ssl);
  return Core::handshake(core_, ec);
}

net::Awaitable<error_code> Stream::handshake_client(const Context& context, ClientTerms terms) {
  error_code ec = core_->prepare_tls(context);
  if (!ec) {
    SSL_set_connect_state(core_->ssl);
    core_->client = std::make_unique<ClientHandshake>(std::move(terms));
    if (!core_->client->prepare(core_->ssl)) ec = take_error();
  }
  return Core::handshake(core_, ec);
}

net::Awaitable<error_code> Stream::handshake_client(const Context& context,
                                                    std::string_view server_name) {
  ClientTerms terms;
  terms.server_name = server_name;
  return handshake_client(context, std::move(terms));
}

bool Stream::is_quiet() {
  return core_->is_quiet();
}

bool Stream::is_tls() const {
  return core_->secure;
}

const Info* Stream::info() const {
  return core_->info.get();
}

const PeerOutcome& Stream::peer() const {
  static const PeerOutcome nothing;
  if (core_->client == nullptr) return nothing;
  return core_->client->outcome(core_->ssl);
}

net::Executor Stream::executor() {
  return core_->socket.get_executor();
}

void Stream::close() {
  core_->close();
}

bool Stream::is_open() const {
  return core_->socket.is_open();
}

net::Socket& Stream::socket() {
  return core_->socket;
}

}  // namespace postern::tls
