// SPDX-License-Identifier: Apache-2.0
#include "client_script.h"

namespace postern::smtp {
namespace {

class Player {
 public:
  Player(ClientDialogue& dialogue, const Transcript& transcript)
      : dialogue_(dialogue), transcript_(transcript) {}

  ScriptResult result;

  /// False: the transcript does not have what the client does here.
  bool act(const ClientDialogue::Send& send) {
    std::string expected;
    while (is_next("C: "))
      expected += take().substr(3) + "\r\n";
    // What is expected may be longer, when the transcript goes on without a reply in between.
    if (expected != send.octets) return mistake("sends " + std::string(send.octets));
    dialogue_.sent();
    return true;
  }
  bool act(const ClientDialogue::Receive&) {
    if (!is_next("S: ")) return mistake("waits for a reply");
    std::string octets;
    while (is_next("S: "))
      octets += take().substr(3) + "\r\n";
    dialogue_.received(octets);
    return true;
  }
  bool act(const ClientDialogue::StartTls&) {
    if (!is_next("TLS")) return mistake("handshakes");
    take();
    dialogue_.tls_done();
    return true;
  }
  bool act(const ClientDialogue::SendBody&) {
    if (!is_next("BODY")) return mistake("sends the message");
    take();
    dialogue_.body_sent();
    return true;
  }
  bool act(const ClientDialogue::Finished&) { return true; }

  void end() {
    if (result.mistake.empty() && at_ < transcript_.size()) mistake("is finished");
  }

 private:
  bool is_next(std::string_view what) const {
    return at_ < transcript_.size() && transcript_[at_].starts_with(what);
  }
  const std::string& take() { return transcript_[at_++]; }
  bool mistake(const std::string& what) {
    const std::string where = at_ < transcript_.size() ? transcript_[at_] : "the end";
    result.mistake = "before line " + std::to_string(at_) + " (" + where + ") the client " + what;
    return false;
  }

  ClientDialogue& dialogue_;
  const Transcript& transcript_;
  std::size_t at_ = 0;
};

ClientStep step_of(const ClientDialogue::Action& action) {
  if (const auto* send = std::get_if<ClientDialogue::Send>(&action)) return send->step;
  if (const auto* receive = std::get_if<ClientDialogue::Receive>(&action)) return receive->step;
  if (std::holds_alternative<ClientDialogue::StartTls>(action)) return ClientStep::tls;
  return ClientStep::body;
}

}  // namespace

ScriptResult play(ClientDialogue& dialogue,
                  const Transcript& transcript,
                  const Wants& wants,
                  std::size_t fail_at,
                  ClientFailure::Kind kind) {
  Player player(dialogue, transcript);
  std::size_t finished = 0;
  for (;;) {
    const ClientDialogue::Action action = dialogue.next();
    if (std::holds_alternative<ClientDialogue::Finished>(action)) {
      if (dialogue.failure() || !wants(dialogue, finished++)) break;
      continue;
    }
    if (player.result.actions++ == fail_at) {
      player.result.failed_at = step_of(action);
      if (player.result.failed_at == ClientStep::tls) {
        dialogue.tls_failed("wrong version number");
      } else {
        dialogue.lost(kind, *player.result.failed_at, "on purpose");
      }
      return player.result;
    }
    if (!std::visit([&](const auto& a) { return player.act(a); }, action)) break;
  }
  player.end();
  return player.result;
}

}  // namespace postern::smtp
