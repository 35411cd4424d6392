// SPDX-License-Identifier: Apache-2.0
#include "dialogue_script.h"
#include "smtp/data_decoder.h"
#include "smtp/replies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <optional>

namespace postern::smtp {
namespace {

using D = ServerDialogue;

/// The pure dialogue with a gateway that a script describes: what a session does, without waiting.
class PureServer final : public DialogueTarget {
 public:
  explicit PureServer(const DialogueScript& script) : script_(script), dialogue_(script.profile) {
    if (script.trusted) dialogue_.set_rights(true, false, false);
    dialogue_.greet(out_);
  }

  void send(std::string_view octets) override {
    input_ += octets;
    while (!closed_ && take()) {
    }
  }

  std::string next_line() override {
    const std::size_t end = out_.find("\r\n");
    if (end == std::string::npos) return closed_ ? "(closed)" : "(nothing)";
    std::string line = out_.substr(0, end);
    out_.erase(0, end + 2);
    return line;
  }

 private:
  bool take() {
    if (decoder_) return take_data();
    if (chunk_) return take_chunk();
    const std::size_t lf = input_.find('\n');
    if (lf == std::string::npos) return false;
    const std::string line = input_.substr(0, lf + 1);
    input_.erase(0, lf + 1);
    if (line.size() > script_.profile.limits.command_line_octets) {
      perform(dialogue_.on_long_line(out_));
    } else if (!line.ends_with("\r\n")) {
      perform(dialogue_.on_bare_lf(line, out_));
    } else {
      perform(dialogue_.on_line(std::string_view(line).substr(0, line.size() - 2), out_));
    }
    return true;
  }

  bool take_data() {
    if (input_.empty()) return false;
    const DataDecoder::Step step = decoder_->decode(input_.data(), input_.size());
    octets_ += step.produced;
    input_.erase(0, step.consumed);
    if (!step.done) return false;
    const ContentViolations violations = decoder_->violations();
    decoder_.reset();
    dialogue_.message_done(verdict(violations), out_);
    octets_ = 0;
    return true;
  }

  bool take_chunk() {
    if (input_.size() < chunk_->size) return false;
    const D::BeginChunk chunk = *std::exchange(chunk_, std::nullopt);
    const auto size = static_cast<std::size_t>(chunk.size);
    if (!chunk.discard) scanner_.scan(std::string_view(input_).substr(0, size));
    octets_ += size;
    input_.erase(0, size);
    if (chunk.discard) return true;
    if (!script_.begin_reply.is_positive()) {
      dialogue_.chunk_done(script_.begin_reply, out_);
    } else if (chunk.last) {
      scanner_.end();
      dialogue_.message_done(verdict(scanner_.violations()), out_);
      begin();
    } else if (octets_ > script_.profile.limits.message_octets) {
      dialogue_.chunk_done(replies::message_too_large(), out_);
    } else {
      dialogue_.chunk_done(replies::chunk_taken(), out_);
    }
    return true;
  }

  Reply verdict(const ContentViolations& violations) const {
    if (octets_ > script_.profile.limits.message_octets) return replies::message_too_large();
    if (dialogue_.is_binary()) return script_.end_reply;
    if (violations.bare_cr || violations.bare_lf) return replies::bare_line_end();
    return violations.nul ? replies::nul_octet() : script_.end_reply;
  }

  void begin() {
    scanner_ = {};
    octets_ = 0;
  }

  void perform(const D::Effect& effect) {
    if (const auto* mail = std::get_if<D::BeginMail>(&effect)) {
      begin();
      dialogue_.mail_done(mail->mail, replies::sender_ok(), out_);
    } else if (const auto* rcpt = std::get_if<D::AddRecipient>(&effect)) {
      const auto found = script_.recipient_replies.find(Mailbox(rcpt->rcpt.path).text());
      const bool told = found != script_.recipient_replies.end();
      dialogue_.recipient_done(told ? found->second : replies::recipient_ok(), out_);
    } else if (std::holds_alternative<D::BeginData>(effect)) {
      dialogue_.data_done(script_.begin_reply, out_);
      if (script_.begin_reply.is_positive()) decoder_.emplace();
    } else if (const auto* chunk = std::get_if<D::BeginChunk>(&effect)) {
      chunk_ = *chunk;
    } else if (std::holds_alternative<D::Authenticate>(effect)) {
      dialogue_.auth_done(false, replies::auth_unavailable(), out_);
    } else if (std::holds_alternative<D::Close>(effect)) {
      closed_ = true;
    }
  }

  const DialogueScript& script_;
  D dialogue_;
  std::string input_;
  std::string out_;
  std::optional<DataDecoder> decoder_;
  std::optional<D::BeginChunk> chunk_;
  ContentScanner scanner_;
  std::uint64_t octets_ = 0;
  bool closed_ = false;
};

class PureDialogueTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(PureDialogueTest, GoesAsWritten) {
  const DialogueScript script = DialogueScript::read(GetParam());
  PureServer server(script);
  play(script, server);
}

// An empty folder would instantiate nothing, which GoogleTest reports as a failure.
INSTANTIATE_TEST_SUITE_P(Dialogues,
                         PureDialogueTest,
                         ::testing::ValuesIn(DialogueScript::all()),
                         [](const auto& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace postern::smtp
