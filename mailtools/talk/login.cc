// SPDX-License-Identifier: Apache-2.0
#include "auth/client_mechanism.h"
#include "auth/scram_server.h"
#include "base/base64.h"
#include "mailtools/talk/conversation.h"
#include "mailtools/talk/link.h"

#include <fmt/format.h>

#include <algorithm>

// AUTH (RFC 4954), shown without what is secret.

namespace postern::talk {
namespace {

constexpr std::size_t kNonceOctets = 18;
/// Challenges of one exchange: SCRAM has three with the empty one.
constexpr int kMostChallenges = 5;
/// A shorter password, as a plain word, is found in words that have nothing to do with it.
constexpr std::size_t kLeastSecret = 4;

TalkError refused(std::string why) {
  return {TalkError::Kind::refused, std::move(why)};
}

bool is_among(std::string_view offered, std::string_view mechanism) {
  while (!offered.empty()) {
    const std::size_t end = std::min(offered.find(' '), offered.size());
    if (auth::canonical_mechanism(offered.substr(0, end)) == mechanism) return true;
    offered.remove_prefix(std::min(end + 1, offered.size()));
  }
  return false;
}

/// What the observer sees of the `step`th message (0: the initial one).
std::string shown_message(std::string_view mechanism,
                          int step,
                          std::string_view message,
                          const Login& login) {
  std::string text(message);
  if (mechanism == "PLAIN") {
    text = login.show_decoded ? fmt::format("\\0{}\\0{}", login.credentials.name, kHidden)
                              : std::string(kHidden);
    return text;
  }
  // LOGIN's name and SCRAM's first message are public; SCRAM's proof lets a password be guessed.
  if (step > 0 && !text.empty()) return std::string(kHidden);
  return login.show_decoded ? text : to_base64(text);
}

using Message = Result<std::string, std::string>;

Message spoken(std::string text) {
  return Message(boost::system::in_place_value, std::move(text));
}
Message unspoken(std::string why) {
  return Message(boost::system::in_place_error, std::move(why));
}

Message reply_to(auth::ClientMechanism& client, std::string_view text, int step) {
  if (step > kMostChallenges) return unspoken("challenges without end");
  const std::optional<std::string> challenge = from_base64(text);
  return challenge ? client.next(*challenge) : unspoken("a challenge that is no base64");
}

/// Behind this message the server says how it went.
bool is_last(std::string_view mechanism, int step) {
  return mechanism == "PLAIN" || step >= (mechanism == "LOGIN" ? 1 : 2);
}

}  // namespace

bool is_mechanism(std::string_view name) {
  return !auth::canonical_mechanism(name).empty();
}

Conversation::Answer Conversation::auth(const Login& login) {
  const std::string& password = login.credentials.password;
  secrets_ = {to_base64(fmt::format("{0}{1}{0}{2}", '\0', login.credentials.name, password))};
  if (!password.empty()) secrets_.push_back(to_base64(password));
  if (password.size() >= kLeastSecret) secrets_.push_back(password);
  if (!capabilities_.auth) return told(refused("the server does not offer AUTH"));
  const bool can_bind = !link_->stream->channel_bindings().empty();
  Answer last = refused("no mechanism in common: the server offers " + capabilities_.mechanisms);
  bool tried = false;
  const auto& wanted = login.mechanisms.empty() ? auth::mechanism_names() : login.mechanisms;
  for (const std::string& name : wanted) {
    const std::string mechanism = auth::canonical_mechanism(name);
    if (mechanism.empty() || (auth::is_plus(mechanism) && !can_bind)) continue;
    if (!is_among(capabilities_.mechanisms, mechanism)) continue;
    tried = true;
    last = log_in_by(mechanism, login);
    if (last && last->code() == 235) return last;
    if (!last && last.error().kind != TalkError::Kind::refused) return last;
  }
  if (tried && last) last = refused(fmt::format("no login succeeded: {}", last->line()));
  return told(std::move(last).error());
}

Conversation::Answer Conversation::log_in_by(const std::string& mechanism, const Login& login) {
  auth::MechanismContext context;
  context.bindings = link_->stream->channel_bindings();
  context.nonce = to_base64(auth::random_octets(kNonceOctets));
  context.offered_plus = is_among(capabilities_.mechanisms, mechanism + "-PLUS");
  const auto client = auth::make_client_mechanism(mechanism, login.credentials, std::move(context));
  const std::string initial = client->begin();
  // PLAIN is one line, as servers have it in their examples; others wait for the empty challenge,
  // which old servers need for LOGIN.
  const bool at_once = mechanism == "PLAIN";
  const std::string verb = "AUTH " + mechanism;
  Answer got = at_once ? answer(verb + " " + to_base64(initial),
                                verb + " " + shown_message(mechanism, 0, initial, login),
                                Expect::success)
                       : command(verb, Expect::go_ahead);
  for (int step = at_once ? 1 : 0; got && got->code() == 334; ++step) {
    const auto message = step == 0 ? spoken(initial) : reply_to(*client, challenge_, step);
    if (!message) {
      // RFC 4954 section 4: "*" takes an exchange back.
      Answer cancelled = command("*", Expect::any);
      return cancelled ? Answer(refused(message.error())) : cancelled;
    }
    hides_challenges_ = auth::is_scram(mechanism) && step > 0;
    got = answer(to_base64(*message),
                 shown_message(mechanism, step, *message, login),
                 is_last(mechanism, step) ? Expect::success : Expect::any);
  }
  hides_challenges_ = false;
  if (got && got->code() == 235 && !client->is_satisfied())
    return refused("the server has not proved that it knows the password");
  return got;
}

Conversation::Answer Conversation::answer(std::string_view line,
                                          std::string_view shown,
                                          Expect expect) {
  queue_octets(fmt::format("{}\r\n", line), shown);
  return reply(expect);
}

}  // namespace postern::talk
