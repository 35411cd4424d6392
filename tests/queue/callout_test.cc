// SPDX-License-Identifier: Apache-2.0
// R8, R9 by callout: a mailbox server is asked by RCPT, in groups.
#include "callout_fixture.h"

#include <gmock/gmock.h>

#include <thread>

namespace postern::queue {
namespace {

using routing::DirectoryAnswer;
using routing::Presence;
using test::CalloutServer;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(CalloutTest, AsksWithTheNullSenderAndGivesTheReplyAsEvidence) {
  CalloutServer server;
  server.to_rcpt["here"] = "250 2.1.5 ok";
  server.to_rcpt["grey"] = "450 4.7.1 greylisted";
  server.to_rcpt["us"] = "550 5.7.1 Unable to relay";
  add_host(server.port());
  const DirectoryAnswer known = ask("here");
  EXPECT_EQ(known.presence, Presence::known);
  EXPECT_EQ(known.evidence, "smtp vk " + port_of(server) + ": 250 2.1.5 ok");
  const DirectoryAnswer unknown = ask("nobody");
  EXPECT_EQ(unknown.presence, Presence::unknown);
  EXPECT_EQ(unknown.evidence, "smtp vk " + port_of(server) + ": 550 5.1.1 no such user");
  EXPECT_EQ(ask("grey").presence, Presence::unavailable);
  EXPECT_EQ(ask("us").presence, Presence::unavailable);
  EXPECT_THAT(server.reads(),
              Each(AllOf(StartsWith("MAIL FROM:<>\r\nRCPT TO:<"), EndsWith("\r\nRSET\r\n"))));
  EXPECT_EQ(server.count("DATA"), 0U);
  EXPECT_EQ(server.count("BDAT"), 0U);
  EXPECT_EQ(server.connections(), 1U) << "the connection is kept";
}

TEST_F(CalloutTest, TheSenderMayBeConfigured) {
  CalloutServer server;
  add_host(server.port());
  settings.mail_from = smtp::ReversePath(smtp::Mailbox("verify", "company.ru"));
  EXPECT_EQ(ask("nobody").presence, Presence::unknown);
  EXPECT_EQ(server.count("MAIL FROM:<verify@company.ru>"), 1U);
}

TEST_F(CalloutTest, R4aTheServerIsAskedForTheAddressThatItWouldGet) {
  CalloutServer server;
  server.to_rcpt["here"] = "250 ok";
  add_host(server.port());
  settings.address_given = [](const smtp::Mailbox& asked) {
    return smtp::Mailbox(asked.local(), "tech.company.ru");
  };
  EXPECT_EQ(ask("here").presence, Presence::known);
  EXPECT_EQ(server.count("RCPT TO:<here@tech.company.ru>"), 1U);
}

TEST_F(CalloutTest, QuestionsThatWaitTogetherAreOneWrite) {
  CalloutServer server;
  std::vector<std::string> locals;
  for (int i = 0; i < 20; ++i) {
    locals.push_back("u" + std::to_string(i));
    if (i % 2 == 0) server.to_rcpt[locals.back()] = "250 ok";
  }
  add_host(server.port());
  server.hold();
  const auto answers = ask_all(locals, [&] {
    while (callout().waiting() != locals.size())
      std::this_thread::yield();
    server.release();
  });
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i].presence, i % 2 == 0 ? Presence::known : Presence::unknown) << i;
  ASSERT_EQ(server.reads().size(), 1U) << "one read of the server holds the whole group";
  EXPECT_THAT(server.reads()[0], AllOf(StartsWith("MAIL FROM:<>\r\n"), EndsWith("\r\nRSET\r\n")));
  EXPECT_EQ(server.count("RCPT"), 20U);
}

TEST_F(CalloutTest, GroupsAreNoLargerThanBatch) {
  CalloutServer server;
  add_host(server.port());
  settings.batch = 8;
  server.hold();
  const auto answers = ask_all(std::vector<std::string>(20, "nobody"), [&] {
    while (callout().waiting() != 20)
      std::this_thread::yield();
    server.release();
  });
  for (const DirectoryAnswer& answer : answers)
    EXPECT_EQ(answer.presence, Presence::unknown);
  EXPECT_EQ(server.count("MAIL"), 3U);
  EXPECT_EQ(server.count("RSET"), 3U);
}

TEST_F(CalloutTest, WithoutPipeliningEachCommandWaits) {
  CalloutServer server;
  server.ehlo = "250 vk.company.ru";
  server.to_rcpt["here"] = "250 ok";
  add_host(server.port());
  EXPECT_EQ(ask("here").presence, Presence::known);
  EXPECT_EQ(ask("nobody").presence, Presence::unknown);
  EXPECT_THAT(server.reads(), Each(::testing::MatchesRegex("[^\r]*\r\n")));
  EXPECT_EQ(server.count("RSET"), 2U);
}

TEST_F(CalloutTest, ARefusedSenderOrSessionTellsNothingOfTheMailbox) {
  CalloutServer server;
  server.to_mail = "550 5.1.0 we do not like the null sender";
  add_host(server.port());
  const DirectoryAnswer at_mail = ask("nobody");
  EXPECT_EQ(at_mail.presence, Presence::unavailable);
  EXPECT_THAT(at_mail.evidence, EndsWith("(to MAIL)"));
  CalloutServer closed;
  closed.greeting = "554 5.3.2 no service";
  settings.next_hop.hosts.front().port = closed.port();
  const DirectoryAnswer answer = ask_other("nobody");
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_THAT(answer.evidence, AllOf(StartsWith("smtp vk: "), HasSubstr("554 5.3.2 no service")));
}

TEST_F(CalloutTest, WhatTheServerSaysIsFitForALog) {
  CalloutServer server;
  server.to_rcpt["evil"] = "550 5.1.1 \x1b[2J\xe2\x80\xae" + std::string(600, 'x');
  add_host(server.port());
  const std::string evidence = ask("evil").evidence;
  EXPECT_THAT(evidence, Not(HasSubstr("\x1b")));
  EXPECT_THAT(evidence, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_LT(evidence.size(), 300U);
}

TEST_F(CalloutTest, TooManyInAGroupAreAskedInTheNext) {
  CalloutServer server;
  server.most_recipients = 3;
  add_host(server.port());
  server.hold();
  const auto answers = ask_all(std::vector<std::string>(8, "nobody"), [&] {
    while (callout().waiting() != 8)
      std::this_thread::yield();
    server.release();
  });
  for (const DirectoryAnswer& answer : answers)
    EXPECT_EQ(answer.presence, Presence::unknown) << answer.evidence;
  EXPECT_EQ(server.count("MAIL"), 3U) << "8 refused beyond 3, then 3 and 2";
}

}  // namespace
}  // namespace postern::queue
