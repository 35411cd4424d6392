// SPDX-License-Identifier: Apache-2.0
#include "smtp/session/client_session.h"

#include "smtp/session/connect.h"
#include "tls/session_cache.h"

#include <boost/asio/error.hpp>

#include <utility>
#include <variant>

namespace postern::smtp {
namespace asio = net::asio;
namespace {

using Kind = ClientFailure::Kind;

/// How long a connection that failed is asked for what the server said before it closed: what there
/// is, is there already.
constexpr std::chrono::seconds kLastWords{1};

}  // namespace

ClientSession::ClientSession(net::Executor executor, ClientOptions options)
    : executor_(executor), options_(std::move(options)) {
  if (!options_.tls && options_.profile.tls == ClientProfile::Tls::may) {
    options_.profile.tls = ClientProfile::Tls::none;
  }
  if (options_.credentials) options_.profile.tls = ClientProfile::Tls::encrypt;
  dialogue_.emplace(options_.profile);
}

ClientSession::~ClientSession() = default;

net::Awaitable<bool> ClientSession::open(net::Endpoint endpoint, std::string host) {
  Connected connected = co_await connect(executor_, endpoint, options_.timeouts.connect);
  const bool ready = co_await open(std::move(connected), endpoint, std::move(host));
  co_return ready;
}

net::Awaitable<bool> ClientSession::open(Connected connected,
                                         net::Endpoint endpoint,
                                         std::string host) {
  const tls::ClientTerms& terms = options_.tls_terms;
  const bool resumes = terms.sessions && terms.sessions->contains(terms.session_key);
  bool opened = co_await attempt(std::move(connected), host);
  if (opened) co_return true;
  if (resumes && handshake_failed() && stream_->peer().failure == tls::Failure::none) {
    // It may be the old session that the server cannot stand; it is forgotten by now.
    close();
    dialogue_.emplace(options_.profile);
    Connected anew = co_await connect(executor_, endpoint, options_.timeouts.connect);
    opened = co_await attempt(std::move(anew), host);
    if (opened) co_return true;
  }
  if (!handshake_failed() || options_.profile.tls != ClientProfile::Tls::may) co_return false;
  tls_fallback_ = failure().detail;
  first_peer_ = stream_->peer();
  close();
  options_.profile.tls = ClientProfile::Tls::none;
  dialogue_.emplace(options_.profile);
  Connected again = co_await connect(executor_, endpoint, options_.timeouts.connect);
  const bool in_plain = co_await attempt(std::move(again), host);
  co_return in_plain;
}

bool ClientSession::handshake_failed() const {
  return failure().kind == Kind::no_tls && failure().step == ClientStep::tls;
}

net::Awaitable<bool> ClientSession::attempt(Connected connected, std::string_view host) {
  if (connected.ec) {
    const bool late = connected.ec == asio::error::timed_out;
    dialogue_->lost(late ? Kind::timed_out : Kind::unreachable,
                    ClientStep::connect,
                    late ? std::string() : connected.ec.message());
    co_return false;
  }
  stream_ = std::make_unique<tls::Stream>(std::move(connected.socket));
  for (;;) {
    const bool alive = co_await converse();
    if (!alive) co_return false;
    if (!std::holds_alternative<ClientDialogue::StartTls>(dialogue_->next())) break;
    co_await start_tls(host);
  }
  if (!options_.credentials) co_return true;
  const bool logged_in = co_await log_in();
  co_return logged_in;
}

net::Awaitable<bool> ClientSession::converse() {
  for (;;) {
    const ClientDialogue::Action action = dialogue_->next();
    if (const auto* to_send = std::get_if<ClientDialogue::Send>(&action)) {
      co_await send(*to_send);
    } else if (const auto* to_receive = std::get_if<ClientDialogue::Receive>(&action)) {
      co_await receive(to_receive->step);
    } else {
      co_return !failure();
    }
  }
}

net::Awaitable<bool> ClientSession::settle(std::size_t pending) {
  while (!failure() && dialogue_->pending() > pending) {
    const ClientDialogue::Action action = dialogue_->next();
    const auto* to_receive = std::get_if<ClientDialogue::Receive>(&action);
    if (to_receive == nullptr) break;
    co_await receive(to_receive->step);
  }
  co_return !failure();
}

net::Awaitable<bool> ClientSession::send(ClientDialogue::Send action) {
  within_reply_ = false;
  set_deadline(action.step);
  const auto [ec, octets] = co_await stream_->write(action.octets);
  if (!ec) {
    dialogue_->sent();
    co_return true;
  }
  // A server that closes tells why first, and the write may fail before that was read.
  dialogue_->sent();
  co_await last_words();
  lost(ec, action.step);
  co_return false;
}

net::Awaitable<bool> ClientSession::receive(ClientStep step) {
  // One deadline a reply: a server that sends it octet by octet gains nothing.
  if (!within_reply_) set_deadline(step);
  const std::size_t pending = dialogue_->pending();
  const auto [ec, octets] = co_await stream_->read_some(input_);
  if (ec) {
    lost(ec, step);
    co_return false;
  }
  dialogue_->received(std::string_view(input_.data(), octets));
  within_reply_ = dialogue_->pending() == pending;
  co_return !failure();
}

net::Awaitable<bool> ClientSession::write(std::string_view first,
                                          std::string_view second,
                                          tls::Stream::Follows follows) {
  if (failure()) co_return false;
  within_reply_ = false;
  set_deadline(ClientStep::body);
  const auto [ec, octets] = co_await stream_->write(first, second, follows);
  if (!ec) co_return true;
  co_await last_words();
  lost(ec, ClientStep::body);
  co_return false;
}

net::Awaitable<void> ClientSession::last_words() {
  stream_->expires_after(kLastWords);
  while (!failure()) {
    const auto [ec, octets] = co_await stream_->read_some(input_);
    if (ec) co_return;
    dialogue_->received(std::string_view(input_.data(), octets));
  }
}

net::Awaitable<void> ClientSession::start_tls(std::string_view host) {
  if (!options_.tls) {
    dialogue_->tls_failed("no TLS context");
    co_return;
  }
  set_deadline(ClientStep::tls);
  tls::ClientTerms terms = options_.tls_terms;
  if (terms.server_name.empty()) terms.server_name = host;
  const net::error_code ec = co_await stream_->handshake_client(*options_.tls, std::move(terms));
  if (ec) {
    const tls::PeerOutcome& peer = stream_->peer();
    dialogue_->tls_failed(peer.failure == tls::Failure::none ? ec.message() : peer.detail);
  } else {
    dialogue_->tls_done();
  }
}

tls::Failure ClientSession::tls_failure() const {
  using tls::Failure;
  const ClientFailure& why = failure();
  if (!tls_fallback_.empty()) {
    const bool told = first_peer_.failure != Failure::none;
    return told ? first_peer_.failure : Failure::validation_failure;
  }
  if (stream_ && stream_->peer().failure != Failure::none) return stream_->peer().failure;
  const bool refused = why.kind == Kind::refused && why.step == ClientStep::starttls;
  if (refused) return Failure::starttls_not_supported;
  if (why.kind == Kind::no_tls) {
    return why.step == ClientStep::tls ? Failure::validation_failure
                                       : Failure::starttls_not_supported;
  }
  const bool wanted = options_.profile.tls != ClientProfile::Tls::none;
  const bool plain = !why && stream_ && !stream_->is_tls();
  return wanted && plain ? Failure::starttls_not_supported : Failure::none;
}

std::string ClientSession::tls_failure_text() const {
  if (tls_failure() == tls::Failure::none) return {};
  if (!tls_fallback_.empty()) return tls_fallback_;
  if (stream_ && stream_->peer().failure != tls::Failure::none) return stream_->peer().detail;
  return failure() ? failure().sentence() : "STARTTLS is not offered, or refused";
}

net::Awaitable<void> ClientSession::quit() {
  if (stream_ && !failure() && !dialogue_->in_body()) {
    dialogue_->quit();
    co_await converse();
  }
  close();
}

void ClientSession::close() {
  if (stream_) stream_->close();
}

bool ClientSession::is_quiet() {
  return stream_ && stream_->is_quiet();
}

void ClientSession::set_deadline(ClientStep step) {
  stream_->expires_after(options_.timeouts.*facts(step).deadline);
}

void ClientSession::lost(net::error_code ec, ClientStep step) {
  const bool late = ec == asio::error::timed_out;
  const bool closed = ec == asio::error::eof;
  dialogue_->lost(
      late ? Kind::timed_out : Kind::lost, step, late || closed ? std::string() : ec.message());
}

}  // namespace postern::smtp
