// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client_script.h"
#include "smtp/client_dialogue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

// What the tests of the client's dialogue share.

namespace postern::smtp {

using Kind = ClientFailure::Kind;
using Tls = ClientProfile::Tls;

inline Sender sender() {
  Sender out;
  out.path = ReversePath(Mailbox("a", "e.com"));
  return out;
}

inline Recipient recipient(std::string_view local) {
  return Recipient{Mailbox(local, "d.ru"), {}};
}

class ClientDialogueTest : public ::testing::Test {
 protected:
  ScriptResult run(const Transcript& transcript, const Wants& wants) {
    dialogue = std::make_unique<ClientDialogue>(profile);
    return play(*dialogue, transcript, wants);
  }
  void expect(const Transcript& transcript, const Wants& wants) {
    EXPECT_EQ(run(transcript, wants).mistake, "");
  }
  /// Codes of the answers, as "MAIL 250, RCPT 550".
  std::string answers() const {
    std::string out;
    for (const ClientDialogue::Answer& a : dialogue->answers()) {
      if (!out.empty()) out += ", ";
      out.append(facts(a.step).command).append(" ").append(std::to_string(a.reply.code()));
    }
    return out;
  }

  ClientProfile profile{"gw.d.ru", Tls::may};
  std::unique_ptr<ClientDialogue> dialogue;
};

inline bool nothing(ClientDialogue&, std::size_t) {
  return false;
}

/// One message by DATA.
inline bool one_message(ClientDialogue& d, std::size_t finished) {
  if (finished == 0) {
    d.mail(sender());
    d.rcpt(recipient("b"));
  } else if (finished == 1) {
    d.data();
  } else if (finished == 2) {
    d.quit();
  }
  return finished < 3;
}

inline const Transcript kPipelined = {"S: 220 x",
                                      "C: EHLO gw.d.ru",
                                      "S: 250-x",
                                      "S: 250-STARTTLS",
                                      "S: 250 PIPELINING",
                                      "C: STARTTLS",
                                      "S: 220 go",
                                      "TLS",
                                      "C: EHLO gw.d.ru",
                                      "S: 250-x",
                                      "S: 250 PIPELINING",
                                      "C: MAIL FROM:<a@e.com>",
                                      "C: RCPT TO:<b@d.ru>",
                                      "S: 250 ok",
                                      "S: 250 ok",
                                      "C: DATA",
                                      "S: 354 go",
                                      "BODY",
                                      "S: 250 2.6.0 queued",
                                      "C: QUIT",
                                      "S: 221 bye"};

}  // namespace postern::smtp
