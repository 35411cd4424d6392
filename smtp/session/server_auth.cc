// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"
#include "smtp/replies.h"
#include "smtp/session/server_session.h"
#include "smtp/verbs.h"

#include <algorithm>

// AUTH (RFC 4954): lines in base64 on one side, the gateway's exchange on the other.

namespace postern::smtp {
namespace {

constexpr std::string_view kNoBase64 = "a response that is no base64";

}  // namespace

std::size_t ServerSession::limit_of(std::string_view line) const {
  const ServerLimits& limits = options_.profile.limits;
  const bool is_auth = in_exchange_ || iequals(line.substr(0, 5), "AUTH ");
  return is_auth ? std::max(limits.auth_line_octets, limits.command_line_octets)
                 : limits.command_line_octets;
}

/// What of a command may be told. A client that does not wait for the reply to its AUTH says the
/// rest of the exchange where commands are expected.
std::string_view ServerSession::without_secrets(std::string_view line) {
  // What stands before the verb makes it no other to who has typed it.
  const auto begin = std::find_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) > ' '; });
  const std::string_view trimmed = line.substr(static_cast<std::size_t>(begin - line.begin()));
  const std::string_view verb = trimmed.substr(0, trimmed.find(' '));
  if (iequals(verb.substr(0, 4), "AUTH")) {
    saw_auth_ = true;
    return trimmed.substr(0, 4);
  }
  const bool is_known = std::any_of(
      kVerbs.begin(), kVerbs.end(), [verb](const VerbRow& row) { return iequals(verb, row.name); });
  return saw_auth_ && !is_known ? "(not shown: the client has said AUTH)" : line;
}

void ServerSession::offer_auth() {
  const std::string& configured = options_.profile.auth_mechanisms;
  if (!configured.empty()) dialogue_.offer_auth(service_.auth_mechanisms(facts_, configured));
}

/// False: the session is over.
net::Awaitable<bool> ServerSession::authenticate(AuthStart start,
                                                 std::optional<std::string> encoded) {
  saw_auth_ = true;
  start.bindings = stream_.channel_bindings();
  const AuthStep step = co_await exchange(std::move(start), std::move(encoded));
  in_exchange_ = false;
  if (lost_) co_return false;
  co_await pause(step.delay());
  const bool ok = step.kind() == AuthStep::Kind::succeeded;
  if (ok) {
    facts_.identity = step.text();
    facts_.by_certificate = false;
  }
  dialogue_.auth_done(ok, step.reply(), out_);
  if (step.reply().code() != 421) co_return true;
  co_await flush();
  co_return false;
}

/// Up to its end: the last step is no challenge.
net::Awaitable<AuthStep> ServerSession::exchange(AuthStart start,
                                                 std::optional<std::string> encoded) {
  const std::string offered = service_.auth_mechanisms(facts_, options_.profile.auth_mechanisms);
  start.offered_plus = offered.find("-PLUS") != std::string::npos;
  const std::unique_ptr<AuthExchange> gateway = service_.authenticate(facts_, start);
  if (!gateway) co_return AuthStep::failed(replies::auth_unavailable());
  std::optional<std::string> initial;
  if (encoded) {
    // "=" is an initial response of no octets (RFC 4954 4).
    initial = *encoded == "=" ? std::string() : from_base64(*encoded);
    if (!initial) {
      gateway->abandoned(kNoBase64);
      co_return AuthStep::failed(replies::auth_malformed());
    }
  }
  AuthStep step = co_await gateway->begin(std::move(initial));
  while (step.kind() == AuthStep::Kind::challenge) {
    out_ += "334 ";
    out_ += to_base64(step.text());
    out_ += "\r\n";
    std::string response;
    const std::optional<Abandoned> ended = co_await read_response(response);
    if (ended) {
      gateway->abandoned(ended->why);
      co_return AuthStep::failed(ended->reply);
    }
    step = co_await gateway->next(std::move(response));
  }
  co_return step;
}

/// A client's response, decoded; or what ends the exchange in its place.
net::Awaitable<std::optional<ServerSession::Abandoned>> ServerSession::read_response(
    std::string& octets) {
  in_exchange_ = true;
  const bool got_line = co_await read_line();
  in_exchange_ = false;
  if (!got_line) {
    lost_ = true;
    std::string_view why = "the client has gone away";
    if (goodbye_.code() != 0) why = "no response in time";
    if (stopping_) why = "postern ends";
    co_return Abandoned{replies::auth_cancelled(), why};
  }
  const std::string line(line_.text(input_.view()));
  input_.consume(line_.octets);
  if (line_.kind == Line::Kind::too_long)
    co_return Abandoned{replies::auth_line_too_long(), "a response that is too long"};
  if (line_.kind == Line::Kind::bare_lf)
    co_return Abandoned{replies::bare_lf_command(), "a response with a bare LF"};
  if (line == "*") co_return Abandoned{replies::auth_cancelled(), "the client has cancelled"};
  std::optional<std::string> decoded = from_base64(line);
  if (!decoded) co_return Abandoned{replies::auth_malformed(), kNoBase64};
  octets = *std::move(decoded);
  co_return std::nullopt;
}

/// A client that guessed wrong waits; stop() ends the wait.
net::Awaitable<void> ServerSession::pause(std::chrono::milliseconds span) {
  if (span.count() <= 0 || stopping_) co_return;
  pause_.expires_after(span);
  [[maybe_unused]] const auto ended = co_await pause_.async_wait(net::as_result);
}

}  // namespace postern::smtp
