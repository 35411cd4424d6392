// SPDX-License-Identifier: Apache-2.0
#include "smtp/session/server_session.h"

#include "base/metrics.h"
#include "session_fixture.h"

#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <limits>
#include <thread>

namespace postern::smtp {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using End = RecordedMessage::End;

TEST_F(SessionTest, TakesAMessageByDataAndUndoesItsDots) {
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("250 2.1.0 "));
  EXPECT_THAT(client.ask("RCPT TO:<b@company.ru>"), StartsWith("250 2.1.5 "));
  EXPECT_THAT(client.ask("DATA"), StartsWith("354 "));
  EXPECT_EQ(client.ask("Subject: x\r\n\r\n..dot\r\n...\r\n."), "250 2.0.0 taken");
  EXPECT_THAT(client.ask("QUIT"), StartsWith("221 2.0.0 "));
  finish();
  ASSERT_EQ(service.messages.size(), 1U);
  EXPECT_EQ(service.messages[0].octets, "Subject: x\r\n\r\n.dot\r\n..\r\n");
  EXPECT_EQ(service.messages[0].end, End::finished);
  EXPECT_EQ(service.messages[0].helo, "client.example");
  EXPECT_THAT(service.messages[0].recipients, ElementsAre("b@company.ru"));
}

TEST_F(SessionTest, TellsWhatItHasFoundOfTheOctets) {
  struct Case {
    const char* message;
    const char* end;  ///< of DATA; of BDAT there is none
    bool clean_lines;
    bool no_dots;
  };
  const Case cases[] = {
      {"Subject: x\r\n\r\na.b\r\n",     ".\r\n", true,  true },
      {"",                              ".\r\n", true,  true },
      {"..dot\r\n",                     ".\r\n", true,  false},
      {"a\r\n.b\r\n",                   ".\r\n", true,  false},
      {".\rx\r\n",                      ".\r\n", false, false},
      {"Subject: x\r\n\r\na.b\r\n",     "",      true,  false},
      {"Subject: x\r\n\r\n.a\r\n.\r\n", "",      true,  false},
  };
  TestClient& client = connect_and_greet();
  for (const Case& c : cases) {
    const std::string message = c.message;
    client.ask("MAIL FROM:<a@corp.com>");
    client.ask("RCPT TO:<b@company.ru>");
    if (*c.end != '\0') {
      client.ask("DATA");
      client.send(message + c.end);
    } else {
      client.send("BDAT " + std::to_string(message.size()) + " LAST\r\n" + message);
    }
    EXPECT_THAT(client.reply(), StartsWith(c.clean_lines ? "250 " : "550 5.6.11")) << message;
  }
  client.ask("QUIT");
  finish();
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    if (!cases[i].clean_lines) continue;
    const ContentFacts& facts = service.messages.at(i).content;
    EXPECT_TRUE(facts.clean_lines) << cases[i].message;
    EXPECT_EQ(facts.no_dots, cases[i].no_dots) << cases[i].message;
  }
}

TEST_F(SessionTest, ABinaryMessageMayHaveBareLineEndsAndThatIsTold) {  // RFC 3030
  options.profile.offer_binarymime = true;
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com> BODY=BINARYMIME");
  client.ask("RCPT TO:<b@company.ru>");
  client.send("BDAT 4 LAST\r\na\nb\n");
  EXPECT_THAT(client.reply(), StartsWith("250 "));
  client.ask("QUIT");
  finish();
  EXPECT_FALSE(service.messages.at(0).content.clean_lines);
}

TEST_F(SessionTest, AnswersAPipelinedGroupInOrderAndGoesOnBehindTheMessage) {
  TestClient& client = connect_and_greet();
  service.recipient_replies["no@company.ru"] = Reply(550, {5, 1, 1}, "no such user"_text);
  client.send(
      "MAIL FROM:<a@corp.com>\r\nRCPT TO:<no@company.ru>\r\nRCPT TO:<b@company.ru>\r\nDATA\r\n");
  EXPECT_THAT(client.reply(), StartsWith("250 2.1.0"));
  EXPECT_EQ(client.reply(), "550 5.1.1 no such user");
  EXPECT_THAT(client.reply(), StartsWith("250 2.1.5"));
  EXPECT_THAT(client.reply(), StartsWith("354"));
  client.send("one\r\n.\r\nMAIL FROM:<>\r\nQUIT\r\n");
  EXPECT_EQ(client.reply(), "250 2.0.0 taken");
  EXPECT_THAT(client.reply(), StartsWith("250 2.1.0"));
  EXPECT_THAT(client.reply(), StartsWith("221"));
  finish();
  ASSERT_EQ(service.messages.size(), 2U);
  EXPECT_EQ(service.messages[0].octets, "one\r\n");
  EXPECT_EQ(service.messages[1].sender, "");
  EXPECT_EQ(service.messages[1].end, End::dropped);
}

TEST_F(SessionTest, AnswersAPipelinedGroupWithOneWrite) {
  TestClient& client = connect_and_greet();
  const unsigned before = client.segments();
  client.send(
      "MAIL FROM:<a@corp.com>\r\nRCPT TO:<b@company.ru>\r\nRCPT TO:<c@company.ru>\r\nDATA\r\n");
  for (int i = 0; i < 4; ++i)
    client.reply();
  EXPECT_EQ(client.segments() - before, 1U);
  client.send("one\r\n.\r\nMAIL FROM:<a@corp.com>\r\nNOOP\r\nQUIT\r\n");
  for (int i = 0; i < 4; ++i)
    client.reply();
  EXPECT_EQ(client.segments() - before, 2U);
}

TEST_F(SessionTest, NotesWhatItRefusesByItselfAndNoSecretsOfAuth) {
  options.profile.auth_required = true;
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("530 5.7.0 "));
  EXPECT_THAT(client.ask("AUTH PLAIN c2VjcmV0"), StartsWith("502 "));
  EXPECT_THAT(client.ask("NOOP"), StartsWith("250 "));
  client.ask("QUIT");
  finish();
  EXPECT_THAT(service.notes,
              ElementsAre(StartsWith("refused|MAIL FROM:<a@corp.com>|530 5.7.0 "),
                          StartsWith("refused|AUTH|502 ")));
}

TEST_F(SessionTest, NotesWhyItEndedASessionItself) {
  options.timeouts.command = std::chrono::seconds(0);
  TestClient& client = connect();
  client.reply();
  EXPECT_THAT(client.reply(), StartsWith("421 4.4.2 "));
  finish();
  EXPECT_THAT(service.notes, ElementsAre(StartsWith("ended||421 4.4.2 ")));
}

TEST_F(SessionTest, GivesTheSameAnswersWhenEveryOctetComesAlone) {
  const std::string dialogue =
      "EHLO c.example\r\nMAIL FROM:<a@corp.com> SIZE=10\r\nRCPT TO:<b@company.ru>\r\nDATA\r\n"
      "..a\r\n.\r\nMAIL FROM:<a@corp.com>\r\nRCPT TO:<b@company.ru>\r\nBDAT 5\r\nab\r\nc"
      "BDAT 3 LAST\r\nd\r\nQUIT\r\n";
  TestClient& client = connect();
  EXPECT_THAT(client.reply(), StartsWith("220 "));
  for (const char octet : dialogue)
    client.send(std::string_view(&octet, 1));
  std::vector<std::string> codes;
  for (std::string reply = client.reply(); !reply.empty(); reply = client.reply())
    codes.push_back(reply.substr(0, 3));
  EXPECT_THAT(codes,
              ElementsAre("250", "250", "250", "354", "250", "250", "250", "250", "250", "221"));
  finish();
  ASSERT_EQ(service.messages.size(), 2U);
  EXPECT_EQ(service.messages[0].octets, ".a\r\n");
  EXPECT_EQ(service.messages[1].octets, "ab\r\ncd\r\n");
}

struct Violation {
  const char* name;
  std::string message;
  const char* reply;
};

class SmugglingTest : public SessionTest, public ::testing::WithParamInterface<Violation> {};

TEST_P(SmugglingTest, RefusesTheMessageAndDeliversNothing) {
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  client.ask("DATA");
  client.send(GetParam().message + "\r\n.\r\n");
  EXPECT_THAT(client.reply(), StartsWith(GetParam().reply));
  // Had the violation been taken for an end, its rest would have been answered as commands.
  EXPECT_THAT(client.ask("NOOP"), StartsWith("250 2.0.0"));
  client.ask("QUIT");
  finish();
  ASSERT_EQ(service.messages.size(), 1U);
  EXPECT_EQ(service.messages[0].end, End::refused);
}

INSTANTIATE_TEST_SUITE_P(
    Message,
    SmugglingTest,
    ::testing::Values(Violation{"LfDotLf", "a\n.\nMAIL FROM:<evil@x>", "550 5.6.11"},
                      Violation{"LfDotCrLf", "a\n.\r\nMAIL FROM:<evil@x>", "550 5.6.11"},
                      Violation{"CrDotCr", "a\r.\rMAIL FROM:<evil@x>", "550 5.6.11"},
                      Violation{"CrLfDotLf", "a\r\n.\nMAIL FROM:<evil@x>", "550 5.6.11"},
                      Violation{"CrLfDotCr", "a\r\n.\rMAIL FROM:<evil@x>", "550 5.6.11"},
                      Violation{"CrDotCrLf", "a\r.\r\nMAIL FROM:<evil@x>", "550 5.6.11"},
                      Violation{"Nul", std::string("a\0b", 3), "550 5.6."}),
    [](const auto& info) { return info.param.name; });

TEST_F(SessionTest, RefusesAMessageBeyondTheLimitAfterItsEndAndGoesOn) {
  options.profile.limits.message_octets = 10;
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  client.ask("DATA");
  EXPECT_THAT(client.ask("0123456789\r\n."), StartsWith("552 5.3.4 "));
  EXPECT_THAT(client.ask("NOOP"), StartsWith("250 "));
  client.ask("QUIT");
  finish();
  EXPECT_EQ(service.messages.at(0).end, End::refused);
}

TEST_F(SessionTest, RefusesWhoTalksBeforeTheGreeting) {
  TestClient& client = connect("EHLO early.example\r\nMAIL FROM:<a@b.example>\r\n");
  EXPECT_THAT(client.reply(), StartsWith("554 5.5.1 "));
  EXPECT_TRUE(client.closed_by_server());
  finish();
  EXPECT_TRUE(service.messages.empty());
}

TEST_F(SessionTest, AnswersALineThatIsTooLongAndGoesOn) {
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("NOOP " + std::string(200000, 'x')), StartsWith("500 5."));
  EXPECT_THAT(client.ask("NOOP"), StartsWith("250 2.0.0"));
}

TEST_F(SessionTest, AcceptsALineOfExactlyTheLimit) {
  options.profile.limits.command_line_octets = 100;
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("NOOP " + std::string(93, 'x')), StartsWith("250 "));
  EXPECT_THAT(client.ask("NOOP " + std::string(94, 'x')), StartsWith("500 "));
}

TEST_F(SessionTest, RefusesACommandThatEndsWithABareLf) {
  TestClient& client = connect_and_greet();
  client.send("MAIL FROM:<a@corp.com>\n");
  EXPECT_THAT(client.reply(), StartsWith("500 5.5.2 "));
  EXPECT_THAT(client.ask("RCPT TO:<b@company.ru>"), StartsWith("503 "));
}

TEST_F(SessionTest, ConsumesTheOctetsOfAChunkThatItRefuses) {
  TestClient& client = connect_and_greet();
  client.send("BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n");
  EXPECT_THAT(client.reply(), StartsWith("503 "));
  EXPECT_THAT(client.reply(), StartsWith("250 2.0.0"));
  EXPECT_THAT(client.ask("QUIT"), StartsWith("221"));
}

TEST_F(SessionTest, RsetDropsAMessageThatCameInChunks) {
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  client.send("BDAT 3\r\nab\r");
  EXPECT_THAT(client.reply(), StartsWith("250 "));
  EXPECT_THAT(client.ask("RSET"), StartsWith("250 "));
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  // The CR that ended the first message's chunk must not make this one's LF a good line end.
  client.send("BDAT 3 LAST\r\n\nx\n");
  EXPECT_THAT(client.reply(), StartsWith("550 5.6.11"));
  client.ask("QUIT");
  finish();
  ASSERT_EQ(service.messages.size(), 2U);
  EXPECT_EQ(service.messages[0].end, End::dropped);
  EXPECT_EQ(service.messages[1].end, End::refused);
}

TEST_F(SessionTest, TakesAnEmptyLastChunk) {
  TestClient& client = connect_and_greet();
  client.send(
      "MAIL FROM:<a@corp.com>\r\nRCPT TO:<b@company.ru>\r\nBDAT 7\r\nab\r\nc\r\nBDAT 0 "
      "LAST\r\nQUIT\r\n");
  for (const char* code : {"250", "250", "250", "250", "221"})
    EXPECT_THAT(client.reply(), StartsWith(code));
  finish();
  EXPECT_EQ(service.messages.at(0).octets, "ab\r\nc\r\n");
  EXPECT_EQ(service.messages.at(0).end, End::finished);
}

TEST_F(SessionTest, PassesARefusalOfTheMessageOnInPlaceOf354) {
  service.begin_reply = Reply(451, {4, 4, 1}, "no answer from the next hop"_text);
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  EXPECT_EQ(client.ask("DATA"), "451 4.4.1 no answer from the next hop");
  EXPECT_THAT(client.ask("NOOP"), StartsWith("250 "));
}

TEST_F(SessionTest, TellsAnIdleClientThatItIsStopping) {
  TestClient& client = connect_and_greet();
  stop_session();
  EXPECT_THAT(client.reply(), StartsWith("421 4.3.2 "));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(SessionTest, TellsASilentClientThatItWasTooSlow) {
  options.timeouts.command = std::chrono::seconds(0);
  TestClient& client = connect();
  EXPECT_THAT(client.reply(), StartsWith("220 "));
  EXPECT_THAT(client.reply(), StartsWith("421 4.4.2 "));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(SessionTest, GivesACommandOneDeadlineHoweverItTricklesIn) {
  options.timeouts.command = std::chrono::seconds(1);
  TestClient& client = connect_and_greet();
  std::promise<void> answered;
  std::thread trickle([&client, over = answered.get_future()] {
    do {
      client.send("N");
    } while (over.wait_for(std::chrono::milliseconds(50)) == std::future_status::timeout);
  });
  EXPECT_THAT(client.reply(), StartsWith("421 4.4.2 "));
  answered.set_value();
  trickle.join();
}

TEST_F(SessionTest, DropsTheMessageOfAClientThatGoesAwayInTheMiddle) {
  TestClient& client = connect_and_greet();
  client.ask("MAIL FROM:<a@corp.com>");
  client.ask("RCPT TO:<b@company.ru>");
  client.ask("DATA");
  client.send("half a mess");
  client.close();
  finish();
  EXPECT_EQ(service.messages.at(0).end, End::dropped);
}

TEST_F(SessionTest, ClosesAfterTooManyErrors) {
  options.profile.limits.errors = 3;
  TestClient& client = connect_and_greet();
  std::string last;
  for (int i = 0; i < 5 && !last.starts_with("421"); ++i)
    last = client.ask("XEXCH50 2 2");
  EXPECT_THAT(last, StartsWith("421 4.7.0 "));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(SessionTest, WantsAuthenticationOnSubmissionFromStrangersAlone) {  // R3
  options.profile.auth_required = true;
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("MAIL FROM:<a@company.ru>"), StartsWith("530 5.7.0 "));
}

TEST_F(SessionTest, LetsTheAllowlistSubmitWithoutAuthentication) {  // R3
  options.profile.auth_required = true;
  service.rights.trusted = true;
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("MAIL FROM:<a@company.ru>"), StartsWith("250 2.1.0 "));
}

TEST_F(SessionTest, AClientThatDoesNotTakeItsRepliesIsNotedAndCounted) {
  options.timeouts.flush = std::chrono::seconds(1);
  options.profile.limits.idle_commands = std::numeric_limits<unsigned>::max();
  metrics::Counter& counted = metrics::counter("postern_sessions_timed_out_total", {"reply"});
  const std::uint64_t before = counted.value();
  TestClient& client = connect_and_greet();
  // Some 20 MB of replies: more than the system keeps for anybody.
  std::string commands;
  for (int i = 0; i < 250'000; ++i)
    commands += "HELP\r\n";
  client.send(commands);
  finish();
  EXPECT_THAT(service.notes, Contains("ended||the client does not take its replies"));
  EXPECT_EQ(counted.value(), before + 1);
}

}  // namespace
}  // namespace postern::smtp
