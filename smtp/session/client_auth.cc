// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"
#include "smtp/address.h"
#include "smtp/session/client_session.h"

#include <algorithm>
#include <utility>

// AUTH towards a server (RFC 4954), by the strongest mechanism that both have.

namespace postern::smtp {
namespace {

using Kind = ClientFailure::Kind;

constexpr std::size_t kNonceOctets = 18;
/// Challenges of one exchange: SCRAM has two.
constexpr int kMostChallenges = 4;

bool is_offered(std::string_view offered, std::string_view mechanism) {
  while (!offered.empty()) {
    const std::size_t end = std::min(offered.find(' '), offered.size());
    if (iequals(offered.substr(0, end), mechanism)) return true;
    offered.remove_prefix(std::min(end + 1, offered.size()));
  }
  return false;
}

/// Empty: there is none.
std::string choose(std::string_view offered, bool can_bind) {
  for (const std::string& name : auth::mechanism_names()) {
    if (auth::is_plus(name) && !can_bind) continue;
    if (is_offered(offered, name)) return name;
  }
  return {};
}

}  // namespace

/// False: the server does not take us, or is not who knows the password; failure() tells.
net::Awaitable<bool> ClientSession::log_in() {
  const auto fail = [this](std::string why) {
    dialogue_->lost(Kind::refused, ClientStep::auth, std::move(why));
    return false;
  };
  auth::MechanismContext context;
  context.bindings = stream_->channel_bindings();
  context.nonce = to_base64(auth::random_octets(kNonceOctets));
  const std::string offered = dialogue_->capabilities().mechanisms;
  const std::string mechanism = choose(offered, !context.bindings.empty());
  if (!dialogue_->is_tls()) co_return fail("no TLS");
  if (mechanism.empty()) co_return fail("no mechanism in common");
  const auto client =
      auth::make_client_mechanism(mechanism, *options_.credentials, std::move(context));
  const std::string initial = client->begin();
  dialogue_->auth("AUTH " + mechanism + " " + to_base64(initial));
  for (int i = 0; i <= kMostChallenges; ++i) {
    const bool alive = co_await converse();
    if (!alive) co_return false;
    const Reply& reply = dialogue_->auth_reply();
    if (reply.code() == 235) {
      if (client->is_satisfied()) co_return true;
      co_return fail("the server has not proved that it knows the password");
    }
    const std::optional<std::string> challenge = from_base64(reply.text());
    if (!challenge) co_return fail("a challenge that is no base64");
    const Result<std::string, std::string> answer = client->next(*challenge);
    if (!answer) co_return fail(answer.error());
    dialogue_->auth(to_base64(*answer));
  }
  co_return fail("challenges without end");
}

}  // namespace postern::smtp
