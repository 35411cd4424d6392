// SPDX-License-Identifier: Apache-2.0
#include "auth/scram_server.h"

#include "base/base64.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace postern::auth {
namespace {

constexpr std::string_view kNoFirst = "no first message of SCRAM";
constexpr std::string_view kNoFinal = "no final message of SCRAM";
constexpr std::size_t kMostNonce = 256;
constexpr std::size_t kMostMessage = 4096;

/// The next attribute, "n=value", up to its comma; its value. nullopt: it is another one.
std::optional<std::string_view> take(std::string_view& rest, char attribute) {
  const std::string_view part = rest.substr(0, rest.find(','));
  if (part.size() < 2 || part[0] != attribute || part[1] != '=') return std::nullopt;
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part.substr(2);
}

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= kMostNonce &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

std::optional<std::string> decode_saslname(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '=') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    const std::string_view escape = text.substr(0, 3);
    if (escape != "=2C" && escape != "=3D") return std::nullopt;
    out += escape == "=2C" ? ',' : '=';
    text.remove_prefix(3);
  }
  return out;
}

std::string encode_saslname(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ',') {
      out += "=2C";
    } else if (c == '=') {
      out += "=3D";
    } else {
      out += c;
    }
  }
  return out;
}

ScramServer::ScramServer(bool plus, MechanismContext context)
    : plus_(plus), context_(std::move(context)) {}

Mechanism::Step ScramServer::begin(std::optional<std::string_view> initial) {
  if (initial) return next(*initial);
  return Challenge{};
}

Mechanism::Step ScramServer::next(std::string_view response) {
  if (response.size() > kMostMessage) return malformed("a message that is too long");
  switch (awaits_) {
    case Awaits::first:
      return on_first(response);
    case Awaits::final:
      return on_final(response);
    case Awaits::nothing:
      if (response.empty()) return Done{};
      break;
    case Awaits::verifier:
      break;
  }
  return malformed("a message that nobody waits for");
}

/// The GS2 header: how the client means to bind itself to the channel, and whom it wants to act
/// for.
std::optional<Mechanism::Failed> ScramServer::read_header(std::string_view& rest) {
  const std::string_view whole = rest;
  const std::size_t comma = rest.find(',');
  if (comma == std::string_view::npos) return malformed(kNoFirst);
  const std::string_view flag = rest.substr(0, comma);
  std::string_view data;
  if (flag.starts_with("p=")) {
    if (!plus_) return malformed("channel binding in a mechanism without");
    const auto binding = std::find_if(context_.bindings.begin(),
                                      context_.bindings.end(),
                                      [&](const auto& b) { return b.type == flag.substr(2); });
    if (binding == context_.bindings.end())
      return refused("a type of channel binding that this connection does not have");
    data = binding->data;
  } else if (flag == "y" || flag == "n") {
    if (plus_) return malformed("no channel binding in a mechanism with");
    // The client can bind and believes that the server cannot: somebody took -PLUS out of the
    // offer.
    if (flag == "y" && context_.offered_plus)
      return refused("-PLUS was offered, and the client did not see it");
  } else {
    return malformed(kNoFirst);
  }
  rest.remove_prefix(comma + 1);
  const std::size_t end = rest.find(',');
  if (end == std::string_view::npos) return malformed(kNoFirst);
  const std::string_view acts_for = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  bound_ = std::string(whole.substr(0, whole.size() - rest.size())) + std::string(data);
  if (acts_for.empty()) return std::nullopt;
  if (!acts_for.starts_with("a=")) return malformed(kNoFirst);
  name_ = std::string(acts_for.substr(2));  // compared with the account's when that is known
  return std::nullopt;
}

Mechanism::Step ScramServer::on_first(std::string_view message) {
  std::string_view rest = message;
  if (const auto failed = read_header(rest)) return *failed;
  const std::string acts_for = std::exchange(name_, {});
  exchanged_ = std::string(rest);
  const auto user = take(rest, 'n');
  const auto nonce = take(rest, 'r');
  if (!user || !nonce || !is_nonce(*nonce)) return malformed(kNoFirst);
  const auto name = decode_saslname(*user);
  if (!name || !is_account_name(*name)) return malformed("no account name");
  name_ = *name;
  if (!acts_for.empty() && decode_saslname(acts_for) != name_)
    return refused("it wants to act for somebody else");
  client_nonce_ = std::string(*nonce);
  awaits_ = Awaits::verifier;
  return WantVerifier{name_};
}

Mechanism::Step ScramServer::give(const ScramVerifier& verifier) {
  if (awaits_ != Awaits::verifier) return malformed("no verifier was asked for");
  verifier_ = verifier;
  nonce_ = client_nonce_ + context_.nonce;
  const std::string challenge =
      fmt::format("r={},s={},i={}", nonce_, to_base64(verifier.salt), verifier.iterations);
  exchanged_ += ',';
  exchanged_ += challenge;
  awaits_ = Awaits::final;
  return Challenge{challenge};
}

Mechanism::Step ScramServer::on_final(std::string_view message) {
  const std::size_t proof_at = message.rfind(",p=");
  if (proof_at == std::string_view::npos) return malformed(kNoFinal);
  const std::string_view without_proof = message.substr(0, proof_at);
  const auto proof = from_base64(message.substr(proof_at + 3));
  std::string_view rest = without_proof;
  const auto channel = take(rest, 'c');
  const auto nonce = take(rest, 'r');
  if (!channel || !nonce || !proof) return malformed(kNoFinal);
  // Of the same kind for the client: a man in the middle, or a wrong password.
  if (*nonce != nonce_) return refused("another nonce");
  if (from_base64(*channel) != bound_) return refused("bound to another channel");
  const std::string all = exchanged_ + "," + std::string(without_proof);
  const std::string signature = hmac_sha256(verifier_.stored_key, all);
  if (signature.empty() || proof->size() != signature.size()) return malformed(kNoFinal);
  const std::string client_key = exclusive_or(*proof, signature);
  if (!equal_in_constant_time(sha256(client_key), verifier_.stored_key))
    return refused("wrong name or password");
  awaits_ = Awaits::nothing;
  return Challenge{"v=" + to_base64(hmac_sha256(verifier_.server_key, all))};
}

}  // namespace postern::auth
