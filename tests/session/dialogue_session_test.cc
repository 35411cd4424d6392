// SPDX-License-Identifier: Apache-2.0
// The transcripts of tests/dialogues against the real session, over a socket.
#include "session_fixture.h"
#include "tests/smtp/dialogue_script.h"

namespace postern::smtp {
namespace {

class SocketTarget final : public DialogueTarget {
 public:
  explicit SocketTarget(TestClient& client) : client_(client) {}
  void send(std::string_view octets) override { client_.send(octets); }
  std::string next_line() override {
    const std::string line = client_.line();
    return line.empty() ? "(closed)" : line;
  }

 private:
  TestClient& client_;
};

class DialogueSessionTest : public SessionTest,
                            public ::testing::WithParamInterface<std::filesystem::path> {};

TEST_P(DialogueSessionTest, GoesAsWritten) {
  const DialogueScript script = DialogueScript::read(GetParam());
  options.profile = script.profile;
  service.rights.trusted = script.trusted;
  service.recipient_replies = script.recipient_replies;
  service.begin_reply = script.begin_reply;
  service.finish_reply = script.end_reply;
  SocketTarget target(connect());
  play(script, target);
}

INSTANTIATE_TEST_SUITE_P(Dialogues,
                         DialogueSessionTest,
                         ::testing::ValuesIn(DialogueScript::all()),
                         [](const auto& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace postern::smtp
