// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"
#include "session_fixture.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <deque>

namespace postern::smtp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

/// Says what a test has written down, and remembers what the client said.
class Scripted final : public AuthExchange {
 public:
  Scripted(std::deque<AuthStep> steps, std::vector<std::string>& heard)
      : steps_(std::move(steps)), heard_(heard) {}

  net::Awaitable<AuthStep> begin(std::optional<std::string> initial) override {
    heard_.push_back(initial ? "initial:" + *initial : "begin");
    co_return pop();
  }
  net::Awaitable<AuthStep> next(std::string response) override {
    heard_.push_back(response);
    co_return pop();
  }
  void abandoned(std::string_view why) override {
    heard_.push_back("abandoned:" + std::string(why));
  }

 private:
  AuthStep pop() {
    if (steps_.empty()) return AuthStep::failed(replies::auth_malformed());
    AuthStep step = std::move(steps_.front());
    steps_.pop_front();
    return step;
  }

  std::deque<AuthStep> steps_;
  std::vector<std::string>& heard_;
};

class AuthSessionTest : public SessionTest {
 protected:
  AuthSessionTest() {
    options.profile.auth_required = true;
    options.profile.auth_mechanisms = "PLAIN LOGIN";
    service.on_auth = [this](const AuthStart& start) {
      mechanism = start.mechanism;
      return std::make_unique<Scripted>(std::exchange(steps, {}), heard);
    };
  }
  ~AuthSessionTest() override { finish(); }
  static AuthStep welcome() { return AuthStep::succeeded("ann", replies::authenticated()); }
  static AuthStep wrong() { return AuthStep::failed(replies::auth_refused()); }

  std::deque<AuthStep> steps;      ///< of the next exchange
  std::vector<std::string> heard;  ///< what the client said, without base64
  std::string mechanism;
};

TEST_F(AuthSessionTest, KnowsWhoItIsFromThenOn) {
  steps = {welcome()};
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("530 5.7.0 "));
  EXPECT_THAT(client.ask("AUTH PLAIN " + to_base64("secret")), StartsWith("235 2.7.0 "));
  EXPECT_THAT(client.ask("EHLO c.example"), Not(HasSubstr("AUTH")));
  EXPECT_THAT(client.ask("AUTH PLAIN AA=="), StartsWith("503 5.5.1 "));
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com> AUTH=b@corp.com"), StartsWith("250 "));
  client.ask("QUIT");
  finish();
  EXPECT_THAT(heard, ElementsAre("initial:secret"));
  EXPECT_EQ(mechanism, "PLAIN");
  ASSERT_EQ(service.messages.size(), 1U);
  EXPECT_EQ(service.messages[0].identity, "ann");
  EXPECT_EQ(service.messages[0].auth, "<>");  // RFC 4954 5: nobody is trusted to say that
}

TEST_F(AuthSessionTest, AsksAndIsAnswered) {
  steps = {AuthStep::challenge("Username:"), AuthStep::challenge(""), welcome()};
  TestClient& client = connect_and_greet();
  EXPECT_EQ(client.ask("AUTH LOGIN"), "334 VXNlcm5hbWU6");
  EXPECT_EQ(client.ask(to_base64("ann")), "334 ");
  EXPECT_THAT(client.ask(""), StartsWith("235 2.7.0 "));
  client.ask("QUIT");
  finish();
  EXPECT_THAT(heard, ElementsAre("begin", "ann", ""));
}

TEST_F(AuthSessionTest, TakesAnEqualsSignForAnInitialResponseOfNothing) {
  steps = {wrong()};
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("AUTH PLAIN ="), StartsWith("535 5.7.8 "));
  EXPECT_THAT(client.ask("MAIL FROM:<a@corp.com>"), StartsWith("530 5.7.0 "));
  client.ask("QUIT");
  finish();
  EXPECT_THAT(heard, ElementsAre("initial:"));
}

TEST_F(AuthSessionTest, EndsWhatIsCancelledOrNoBase64) {
  TestClient& client = connect_and_greet();
  // clang-format off
  const std::pair<std::string, std::string> responses[] = {
      {"*",                                "501 5.7.0 "},
      {"Zg",                               "501 5.5.2 "},
      {"NOOP x",                           "501 5.5.2 "},
      {to_base64(std::string(9300, 'x')),  "500 5.5.6 "},
      {to_base64(std::string(70000, 'x')), "500 5.5.6 "}
  };
  // clang-format on
  for (const auto& [response, reply] : responses) {
    steps = {AuthStep::challenge("Password:"), welcome()};
    EXPECT_THAT(client.ask("AUTH LOGIN"), StartsWith("334 "));
    EXPECT_THAT(client.ask(response), StartsWith(reply)) << response.substr(0, 20);
  }
  steps = {AuthStep::challenge("Password:"), welcome()};
  EXPECT_THAT(client.ask("AUTH LOGIN"), StartsWith("334 "));
  client.send(to_base64("secret") + "\n");
  EXPECT_THAT(client.reply(), StartsWith("500 5.5.2 "));
  EXPECT_THAT(client.ask("AUTH PLAIN !"), StartsWith("501 5.5.2 "));
  EXPECT_THAT(client.ask("NOOP"), StartsWith("250 "));
  client.ask("QUIT");
  finish();
  EXPECT_EQ(std::count(heard.begin(), heard.end(), "secret"), 0);
  EXPECT_THAT(heard,
              ElementsAre("begin",
                          "abandoned:the client has cancelled",
                          "begin",
                          "abandoned:a response that is no base64",
                          "begin",
                          "abandoned:a response that is no base64",
                          "begin",
                          "abandoned:a response that is too long",
                          "begin",
                          "abandoned:a response that is too long",
                          "begin",
                          "abandoned:a response with a bare LF",
                          "abandoned:a response that is no base64"));
}

TEST_F(AuthSessionTest, TakesLinesAsLongAsTheRfcWants) {  // RFC 4954 4: 12288 octets
  const std::string octets(9000, 'x');
  steps = {AuthStep::challenge("more"), welcome()};
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("AUTH PLAIN " + to_base64(octets)), StartsWith("334 "));
  EXPECT_THAT(client.ask(to_base64(octets)), StartsWith("235 "));
  EXPECT_THAT(client.ask("NOOP " + std::string(3000, 'x')), StartsWith("500 5.5.2 "));
  client.ask("QUIT");
  finish();
  EXPECT_THAT(heard, ElementsAre("initial:" + octets, octets));
}

TEST_F(AuthSessionTest, EndsTheSessionWhereTheReplyIs421) {
  steps = {AuthStep::failed(replies::too_many_auth_failures())};
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("AUTH PLAIN AA=="), StartsWith("421 4.7.0 "));
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(AuthSessionTest, AStopEndsTheWaitBehindAFailure) {
  std::atomic<bool> asked{false};
  steps = {wrong().after(std::chrono::hours(1))};
  const auto script = service.on_auth;
  service.on_auth = [&](const AuthStart& start) {
    asked = true;
    return script(start);
  };
  TestClient& client = connect_and_greet();
  client.send("AUTH PLAIN AA==\r\n");
  while (!asked)
    std::this_thread::yield();
  stop_session();
  EXPECT_THAT(client.reply(), StartsWith("535 5.7.8 "));
  EXPECT_THAT(client.reply(), StartsWith("421 4.3.2 "));
}

TEST_F(AuthSessionTest, GuessingEndsTheSessionAndNoSecretIsNoted) {
  options.profile.limits.errors = 3;
  TestClient& client = connect_and_greet();
  for (int i = 0; i < 3; ++i) {
    steps = {wrong()};
    EXPECT_THAT(client.ask("AUTH PLAIN c2VjcmV0"), StartsWith("535 "));
  }
  EXPECT_THAT(client.ask("AUTH PLAIN c2VjcmV0"), StartsWith("421 4.7.0 "));
  finish();
  EXPECT_THAT(service.notes, ElementsAre(StartsWith("refused|AUTH|421 ")));
}

TEST_F(AuthSessionTest, WhatAClientSaysWithoutWaitingForTheChallengeIsNotNoted) {
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("hello"), StartsWith("500 "));
  client.send("AUTH CRAM-MD5\r\nc2VjcmV0\r\nMAIL FROM:<a@corp.com>\r\n");
  EXPECT_THAT(client.reply(), StartsWith("504 "));
  EXPECT_THAT(client.reply(), StartsWith("500 "));
  EXPECT_THAT(client.reply(), StartsWith("530 "));
  client.ask("QUIT");
  finish();
  EXPECT_THAT(service.notes,
              ElementsAre(StartsWith("refused|hello|500 "),
                          StartsWith("refused|AUTH|504 "),
                          StartsWith("refused|(not shown: the client has said AUTH)|500 "),
                          StartsWith("refused|MAIL FROM:<a@corp.com>|530 ")));
}

TEST_F(AuthSessionTest, NotesNoArgumentsOfALineThatBeginsWithAuthInAnyWay) {
  TestClient& client = connect_and_greet();
  for (const char* line : {" AUTH PLAIN c2VjcmV0", "\t auth PLAIN c2VjcmV0", "Auth:PLAIN c2VjcmV0"})
    EXPECT_THAT(client.ask(line), StartsWith("50")) << line;
  client.send(" AUTH PLAIN c2VjcmV0\n");
  EXPECT_THAT(client.reply(), StartsWith("500 "));
  client.ask("QUIT");
  finish();
  EXPECT_EQ(service.notes.size(), 4U);
  for (const std::string& note : service.notes) {
    EXPECT_THAT(note, Not(HasSubstr("c2VjcmV0")));
    EXPECT_THAT(note, ::testing::MatchesRegex("refused\\|[Aa][Uu][Tt][Hh]\\|50.*"));
  }
}

TEST_F(AuthSessionTest, WhoGoesAwayInTheMiddleIsNobody) {
  steps = {AuthStep::challenge("Password:"), welcome()};
  TestClient& client = connect_and_greet();
  EXPECT_THAT(client.ask("AUTH LOGIN"), StartsWith("334 "));
  client.close();
  finish();
  EXPECT_THAT(heard, ElementsAre("begin", "abandoned:the client has gone away"));
  EXPECT_THAT(service.messages, IsEmpty());
}

}  // namespace
}  // namespace postern::smtp
