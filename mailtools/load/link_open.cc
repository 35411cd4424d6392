// SPDX-License-Identifier: Apache-2.0
#include "auth/client_mechanism.h"
#include "base/base64.h"
#include "mailtools/load/dial.h"
#include "mailtools/load/link.h"
#include "smtp/address.h"
#include "smtp/client_step.h"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>
#include <variant>

// The beginning of a connection: greeting, EHLO, TLS, AUTH.

namespace postern::load {
namespace asio = net::asio;
namespace {

using smtp::ClientDialogue;
using smtp::ClientFailure;
using smtp::ClientStep;

constexpr std::size_t kNonce = 18;
/// Challenges of one exchange: SCRAM has two.
constexpr int kChallenges = 4;

Failure failure_from(const ClientFailure& why) {
  Failure out;
  out.step = why.step;
  out.reply = why.reply;
  out.detail = why.sentence();
  switch (why.kind) {
    case ClientFailure::Kind::none:
      break;
    case ClientFailure::Kind::unreachable:
      out.kind = Failure::Kind::unreachable;
      break;
    case ClientFailure::Kind::lost:
      out.kind = Failure::Kind::closed;
      break;
    case ClientFailure::Kind::timed_out:
      out.kind = Failure::Kind::timed_out;
      break;
    case ClientFailure::Kind::bad_reply:
      out.kind = Failure::Kind::bad_reply;
      break;
    case ClientFailure::Kind::refused:
    case ClientFailure::Kind::closing:
      out.kind = Failure::Kind::refused;
      break;
    case ClientFailure::Kind::no_tls:
      out.kind = Failure::Kind::tls;
      break;
  }
  return out;
}

/// The strongest that both have; empty: there is none.
std::string choose_mechanism(std::string_view offered, bool can_bind) {
  for (const std::string& name : auth::mechanism_names()) {
    if (auth::is_plus(name) && !can_bind) continue;
    std::string_view rest = offered;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      if (smtp::iequals(rest.substr(0, end), name)) return name;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return {};
}

}  // namespace

Link::Link(net::Executor executor,
           const Plan& plan,
           Sources& sources,
           std::shared_ptr<tls::SessionCache> sessions,
           Figures& figures)
    : executor_(executor),
      plan_(plan),
      sources_(sources),
      sessions_(std::move(sessions)),
      figures_(figures) {}

Link::~Link() = default;

net::Awaitable<bool> Link::open() {
  const net::TimePoint began = net::Clock::now();
  const asio::ip::address* source = sources_.next();
  Dialled dialled = co_await dial(executor_, plan_.server, source, plan_.options.timeout);
  if (dialled.failure) {
    fail(std::move(dialled.failure));
    co_return false;
  }
  const net::TimePoint connected = net::Clock::now();
  stream_ = std::make_unique<tls::Stream>(std::move(dialled.socket));
  dialogue_ = std::make_unique<ClientDialogue>(plan_.profile);
  if (plan_.options.tls == TlsUse::on_connect) {
    const bool secure = co_await begin_tls();
    if (!secure) co_return false;
  }
  const net::TimePoint secured = net::Clock::now();
  while (dialogue_->pending() > 0 && !dialogue_->failure()) {
    // The greeting alone; what follows is no part of connecting.
    stream_->expires_after(plan_.options.timeout);
    const auto [ec, octets] = co_await stream_->read_some(input_);
    if (ec) lose(ec, ClientStep::greeting);
    if (!ec) dialogue_->received(std::string_view(input_.data(), octets));
  }
  if (!dialogue_->failure()) {
    figures_.connect.record(connected - began + (net::Clock::now() - secured));
  }
  bool ready = co_await converse();
  if (ready && !plan_.options.auth_user.empty()) ready = co_await log_in();
  if (!ready && !failure_) fail(failure_from(dialogue_->failure()));
  offered_ = dialogue_->capabilities();
  if (!plan_.options.pipelining) offered_.pipelining = false;
  dialogue_.reset();
  if (ready) ++figures_.connections;
  co_return ready;
}

net::Awaitable<bool> Link::converse() {
  for (;;) {
    const ClientDialogue::Action action = dialogue_->next();
    if (const auto* to_send = std::get_if<ClientDialogue::Send>(&action)) {
      stream_->expires_after(plan_.options.timeout);
      const auto [ec, octets] = co_await stream_->write(to_send->octets);
      if (ec) lose(ec, to_send->step);
      if (!ec) dialogue_->sent();
    } else if (const auto* to_read = std::get_if<ClientDialogue::Receive>(&action)) {
      stream_->expires_after(plan_.options.timeout);
      const auto [ec, octets] = co_await stream_->read_some(input_);
      if (ec) lose(ec, to_read->step);
      if (!ec) dialogue_->received(std::string_view(input_.data(), octets));
    } else if (std::holds_alternative<ClientDialogue::StartTls>(action)) {
      const bool secure = co_await begin_tls();
      if (!secure) co_return false;
      dialogue_->tls_done();
    } else {
      co_return !dialogue_->failure();
    }
  }
}

void Link::lose(net::error_code ec, ClientStep step) {
  const bool late = ec == asio::error::timed_out;
  dialogue_->lost(late ? ClientFailure::Kind::timed_out : ClientFailure::Kind::lost,
                  step,
                  late || ec == asio::error::eof ? std::string() : ec.message());
}

net::Awaitable<bool> Link::begin_tls() {
  tls::ClientTerms terms;
  terms.server_name = plan_.options.server;
  terms.check = plan_.check;
  if (plan_.options.resume) {
    terms.sessions = sessions_;
    terms.session_key = "server";
  }
  const net::TimePoint began = net::Clock::now();
  stream_->expires_after(plan_.options.timeout);
  const net::error_code ec = co_await stream_->handshake_client(*plan_.tls, std::move(terms));
  if (ec) {
    const tls::PeerOutcome& peer = stream_->peer();
    Failure failure = failure_of(ec, ClientStep::tls);
    if (failure.kind != Failure::Kind::timed_out) failure.kind = Failure::Kind::tls;
    if (peer.failure != tls::Failure::none) failure.detail = peer.detail;
    fail(std::move(failure));
    co_return false;
  }
  figures_.tls.record(net::Clock::now() - began);
  ++figures_.handshakes;
  if (stream_->info()->resumed) ++figures_.resumed;
  co_return true;
}

net::Awaitable<bool> Link::log_in() {
  const std::string offered = dialogue_->capabilities().mechanisms;
  const bool can_bind = !stream_->channel_bindings().empty();
  std::string mechanism = choose_mechanism(offered, can_bind);
  if (mechanism.empty()) {
    Failure failure{Failure::Kind::refused, ClientStep::auth};
    failure.detail = offered.empty() ? "AUTH is not offered" : "no AUTH mechanism in common";
    fail(std::move(failure));
    co_return false;
  }
  const bool known = co_await answer_challenges(std::move(mechanism));
  if (!known && !failure_ && !dialogue_->failure()) {
    Failure failure{Failure::Kind::bad_reply, ClientStep::auth};
    failure.detail = "an AUTH exchange that makes no sense";
    fail(std::move(failure));
  }
  co_return known;
}

net::Awaitable<bool> Link::answer_challenges(std::string mechanism) {
  auth::MechanismContext context;
  context.bindings = stream_->channel_bindings();
  context.nonce = to_base64(auth::random_octets(kNonce));
  const auto client = auth::make_client_mechanism(
      mechanism,
      auth::Credentials{plan_.options.auth_user, plan_.options.auth_password},
      std::move(context));
  dialogue_->auth("AUTH " + mechanism + " " + to_base64(client->begin()));
  for (int i = 0; i <= kChallenges; ++i) {
    const bool alive = co_await converse();
    if (!alive) co_return false;
    const smtp::Reply& reply = dialogue_->auth_reply();
    if (reply.code() == 235) co_return client->is_satisfied();
    const std::optional<std::string> challenge = from_base64(reply.text());
    if (!challenge) co_return false;
    const Result<std::string, std::string> answer = client->next(*challenge);
    if (!answer) co_return false;
    dialogue_->auth(to_base64(*answer));
  }
  co_return false;
}

void Link::fail(Failure failure) {
  if (!failure_) failure_ = std::move(failure);
  close();
}

void Link::close() {
  if (stream_) stream_->close();
}

}  // namespace postern::load
