// SPDX-License-Identifier: Apache-2.0
#include "smtp/server_dialogue.h"

#include "smtp/replies.h"
#include "smtp/verbs.h"

#include <gtest/gtest.h>

#include <map>

namespace postern::smtp {
namespace {

using Phase = ServerDialogue::Phase;

ServerProfile profile() {
  ServerProfile p;
  p.hostname = "gw";
  p.offer_starttls = true;
  p.auth_mechanisms = "PLAIN";
  p.limits.errors = 1000;
  return p;
}

/// Says a line, and to every effect what a gateway that likes everything says.
std::string say(ServerDialogue& dialogue, std::string_view line) {
  std::string out;
  const ServerDialogue::Effect effect = dialogue.on_line(line, out);
  if (const auto* mail = std::get_if<ServerDialogue::BeginMail>(&effect)) {
    dialogue.mail_done(mail->mail, replies::sender_ok(), out);
  } else if (std::holds_alternative<ServerDialogue::AddRecipient>(effect)) {
    dialogue.recipient_done(replies::recipient_ok(), out);
  } else if (std::holds_alternative<ServerDialogue::BeginData>(effect)) {
    dialogue.data_done(replies::ok(), out);
    dialogue.message_done(replies::ok(), out);
  } else if (const auto* chunk = std::get_if<ServerDialogue::BeginChunk>(&effect)) {
    if (!chunk->discard)
      dialogue.chunk_done(chunk->size == 9 ? replies::message_too_large() : replies::chunk_taken(),
                          out);
  } else if (std::holds_alternative<ServerDialogue::UpgradeTls>(effect)) {
    dialogue.tls_done();
  } else if (std::holds_alternative<ServerDialogue::OverrideClient>(effect)) {
    dialogue.client_overridden(false, false, false, out);
  } else if (std::holds_alternative<ServerDialogue::Authenticate>(effect)) {
    dialogue.auth_done(true, Reply(235, {2, 7, 0}, Text(std::string("welcome"))), out);
  }
  return out;
}

ServerDialogue in_phase(const ServerProfile& p, Phase phase) {
  ServerDialogue dialogue(p);
  dialogue.set_rights(false, true, true);
  const std::vector<const char*> way = {
      "EHLO c", "MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>", "BDAT 0", "BDAT 9"};
  for (std::size_t i = 0; i < static_cast<std::size_t>(phase); ++i)
    say(dialogue, way[i]);
  EXPECT_EQ(dialogue.phase(), phase);
  return dialogue;
}

/// What RFC 5321 4.1.4, 3030 and 3207 say of each verb in each phase: the first digit of the reply.
struct Row {
  const char* line;
  // connected, greeted, mail, rcpt, chunks, chunks_failed
  const char* replies[6];
};

// clang-format off
const Row kRows[] = {
    {"HELO c",             {"250", "250", "250", "250", "250", "250"}},
    {"EHLO c",             {"250", "250", "250", "250", "250", "250"}},
    {"MAIL FROM:<a@b.c>",  {"503", "250", "503", "503", "503", "503"}},
    {"RCPT TO:<d@e.f>",    {"503", "503", "250", "250", "503", "503"}},
    {"DATA",               {"503", "503", "503", "354", "503", "503"}},
    {"BDAT 0",             {"503", "503", "503", "250", "250", "503"}},
    {"RSET",               {"250", "250", "250", "250", "250", "250"}},
    {"NOOP",               {"250", "250", "250", "250", "250", "250"}},
    {"VRFY x",             {"252", "252", "252", "252", "252", "252"}},
    {"EXPN x",             {"502", "502", "502", "502", "502", "502"}},
    {"HELP",               {"214", "214", "214", "214", "214", "214"}},
    {"QUIT",               {"221", "221", "221", "221", "221", "221"}},
    {"STARTTLS",           {"503", "220", "503", "503", "503", "503"}},
    {"AUTH PLAIN AA==",    {"503", "235", "503", "503", "503", "503"}},
    {"XCLIENT ADDR=1.2.3.4", {"220", "220", "503", "503", "503", "503"}},
    {"XFORWARD IDENT=x",   {"250", "250", "503", "503", "503", "503"}},
};
// clang-format on

TEST(ServerDialogue, AnswersEveryVerbInEveryPhase) {
  const ServerProfile p = profile();
  ASSERT_EQ(std::size(kRows), kVerbs.size()) << "a verb has no row";
  for (const Row& row : kRows) {
    for (std::size_t phase = 0; phase < 6; ++phase) {
      ServerDialogue dialogue = in_phase(p, static_cast<Phase>(phase));
      const std::string out = say(dialogue, row.line);
      EXPECT_EQ(out.substr(0, 3), row.replies[phase])
          << row.line << " in phase " << phase << ": " << out;
    }
  }
}

/// Lines that end a reply: a digit, a digit, a digit, a space.
std::size_t count_replies(std::string_view out) {
  std::size_t count = 0;
  for (std::size_t end; (end = out.find("\r\n")) != std::string_view::npos;
       out.remove_prefix(end + 2))
    count += out[3] == ' ' ? 1 : 0;
  return count;
}

TEST(ServerDialogue, GivesOneReplyToEachCommand) {
  // One too many, and a client that pipelines takes it for the answer to its next command.
  const ServerProfile p = profile();
  for (const Row& row : kRows) {
    for (std::size_t phase = 0; phase < 6; ++phase) {
      ServerDialogue dialogue = in_phase(p, static_cast<Phase>(phase));
      const std::string out = say(dialogue, row.line);
      const bool is_message = out.starts_with("354");
      EXPECT_EQ(count_replies(out), is_message ? 2U : 1U) << row.line << ": " << out;
    }
  }
}

TEST(ServerDialogue, SaysThatItIsTooEarlyBeforeItLooksAtArguments) {
  const ServerProfile p = profile();
  ServerDialogue dialogue(p);
  for (const char* line : {"MAIL FROM:<a@b.c> SIZE=1", "MAIL FROM:x", "RCPT TO:", "DATA x"})
    EXPECT_EQ(say(dialogue, line).substr(0, 9), "503 5.5.1") << line;
}

TEST(ServerDialogue, CountsNoErrorForTheRestOfARefusedGroup) {  // RFC 2920 3.1
  const ServerProfile p = profile();
  ServerDialogue dialogue(p);
  say(dialogue, "EHLO c");
  say(dialogue, "MAIL FROM:<a@b.c>");
  std::string out;
  dialogue.on_line("RCPT TO:<no@e.f>", out);
  dialogue.recipient_done(replies::too_many_recipients(), out);
  EXPECT_EQ(say(dialogue, "DATA").substr(0, 3), "503");
  EXPECT_EQ(say(dialogue, "BDAT 5 LAST").substr(0, 3), "503");
  EXPECT_EQ(dialogue.errors(), 0U);
  say(dialogue, "RSET");
  EXPECT_EQ(say(dialogue, "DATA").substr(0, 3), "503");
  EXPECT_EQ(dialogue.errors(), 1U);
}

TEST(ServerDialogue, ForgetsErrorsWithAMessageThatWasTaken) {
  const ServerProfile p = profile();
  ServerDialogue dialogue(p);
  for (const char* line : {"EHLO c", "FOO", "BAR", "MAIL FROM:<a@b.c>", "RCPT TO:<d@e.f>"})
    say(dialogue, line);
  EXPECT_EQ(dialogue.errors(), 2U);
  say(dialogue, "DATA");
  EXPECT_EQ(dialogue.errors(), 0U);
}

TEST(ServerDialogue, TakesTheDemandForTlsOverTlsAlone) {  // RFC 8689
  ServerProfile p = profile();
  p.offer_starttls = true;
  ServerDialogue dialogue(p);
  EXPECT_EQ(say(dialogue, "EHLO c").find("REQUIRETLS"), std::string::npos);
  EXPECT_EQ(say(dialogue, "MAIL FROM:<a@b.c> REQUIRETLS").substr(0, 10), "530 5.7.10");
  say(dialogue, "STARTTLS");
  EXPECT_NE(say(dialogue, "EHLO c").find("250-REQUIRETLS\r\n"), std::string::npos);
  std::string out;
  const auto effect = dialogue.on_line("MAIL FROM:<a@b.c> REQUIRETLS", out);
  ASSERT_TRUE(std::holds_alternative<ServerDialogue::BeginMail>(effect)) << out;
  EXPECT_TRUE(std::get<ServerDialogue::BeginMail>(effect).mail.parameters.requiretls);
}

TEST(ServerDialogue, LimitsOfMoreThanSixDigitsAreNotSaid) {  // RFC 9422 4
  ServerProfile p = profile();
  p.limits.recipients = 999'999;
  p.limits.messages = 1'000'000;
  ServerDialogue one(p);
  EXPECT_TRUE(say(one, "EHLO c").ends_with("\r\n250 LIMITS RCPTMAX=999999\r\n"));
  p.limits.recipients = 1'000'000;
  p.limits.messages = 999'999;
  ServerDialogue other(p);
  EXPECT_TRUE(say(other, "EHLO c").ends_with("\r\n250 LIMITS MAILMAX=999999\r\n"));
  p.limits.messages = 1'000'000;
  ServerDialogue none(p);
  const std::string said = say(none, "EHLO c");
  EXPECT_EQ(said.find("LIMITS"), std::string::npos);
  EXPECT_TRUE(said.ends_with("\r\n250 AUTH PLAIN\r\n")) << said;
}

TEST(ServerDialogue, EndsGuessingOfPasswords) {
  ServerProfile p = profile();
  p.limits.errors = 3;
  ServerDialogue dialogue(p);
  std::string out;
  dialogue.on_line("EHLO c", out);
  for (int i = 0; i < 3; ++i) {
    const auto effect = dialogue.on_line("AUTH PLAIN AA==", out);
    ASSERT_TRUE(std::holds_alternative<ServerDialogue::Authenticate>(effect));
    dialogue.auth_done(false, replies::auth_unavailable(), out);
  }
  out.clear();
  const auto effect = dialogue.on_line("AUTH PLAIN AA==", out);
  EXPECT_TRUE(std::holds_alternative<ServerDialogue::Close>(effect));
  EXPECT_EQ(out.substr(0, 9), "421 4.7.0");
}

TEST(ServerDialogue, ClosesWhereTheOctetsOfAChunkCannotBeCounted) {  // RFC 3030 2
  const ServerProfile p = profile();
  for (const char* line :
       {"BDAT x", "BDAT 1 2", "BDAT", "BDAT 5\x01", "BDAT 99999999999999999999"}) {
    ServerDialogue dialogue = in_phase(p, Phase::rcpt);
    std::string out;
    const auto effect = dialogue.on_line(line, out);
    EXPECT_TRUE(std::holds_alternative<ServerDialogue::Close>(effect)) << line;
    EXPECT_EQ(out.substr(0, 9), "501 5.5.4") << line;
  }
}

TEST(ServerDialogue, GivesEveryReplyAnEnhancedStatusButThoseThatHaveNone) {  // RFC 2034 4
  const ServerProfile p = profile();
  for (const Row& row : kRows) {
    for (std::size_t phase = 0; phase < 6; ++phase) {
      ServerDialogue dialogue = in_phase(p, static_cast<Phase>(phase));
      const std::string out = say(dialogue, row.line);
      const std::string_view line = row.line;
      const bool hello = line.starts_with("HELO") || line.starts_with("EHLO");
      const bool greeting = out.starts_with("220 gw ");  // XCLIENT is answered with it
      if ((hello && out.starts_with("250")) || out.starts_with("354") || greeting) continue;
      EXPECT_EQ(out.substr(4, 2), std::string(1, out[0]) + ".") << row.line << ": " << out;
    }
  }
}

TEST(ServerDialogue, StarttlsForgetsEverything) {  // RFC 3207 4.2
  const ServerProfile p = profile();
  ServerDialogue dialogue(p);
  say(dialogue, "EHLO c");
  say(dialogue, "STARTTLS");
  EXPECT_EQ(dialogue.phase(), Phase::connected);
  EXPECT_EQ(say(dialogue, "MAIL FROM:<a@b.c>").substr(0, 3), "503");
  EXPECT_EQ(say(dialogue, "EHLO c").find("STARTTLS"), std::string::npos);
  EXPECT_EQ(say(dialogue, "STARTTLS").substr(0, 9), "503 5.5.1");
}

TEST(ServerDialogue, AuthenticationOpensASubmissionListener) {  // R3
  ServerProfile p = profile();
  p.auth_required = true;
  ServerDialogue dialogue(p);
  say(dialogue, "EHLO c");
  EXPECT_EQ(say(dialogue, "MAIL FROM:<a@b.c>").substr(0, 9), "530 5.7.0");
  say(dialogue, "AUTH PLAIN AA==");
  EXPECT_EQ(say(dialogue, "MAIL FROM:<a@b.c>").substr(0, 9), "250 2.1.0");
}

}  // namespace
}  // namespace postern::smtp
