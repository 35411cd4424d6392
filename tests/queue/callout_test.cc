// SPDX-License-Identifier: Apache-2.0
// R8, R9 by callout: a mailbox server is asked by RCPT, in groups, and never guessed for.
#include "queue/callout.h"

#include "callout_server.h"
#include "delivery_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
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

class CalloutTest : public ::testing::Test {
 protected:
  CalloutTest() {
    settings.name = "vk";
    settings.next_hop.name = "vk";
    settings.next_hop.tls = routing::NextHop::Tls::none;
    settings.timeout = std::chrono::seconds(20);
    settings.connections = 1;
    settings.probe = false;
    settings.pool.hostname = "gw.company.ru";
    settings.resolver = [](const net::Executor&) { return std::make_unique<FakeResolver>(); };
  }

  void add_host(std::uint16_t port) {
    routing::HostSpec host;
    host.host = "127.0.0.1";
    host.port = port;
    settings.next_hop.hosts.push_back(host);
  }

  Callout& callout() {
    if (!callout_) callout_ = std::make_unique<Callout>(settings);
    return *callout_;
  }

  /// Asks for all of them at once, on a loop of the caller's own.
  std::vector<DirectoryAnswer> ask_all(const std::vector<std::string>& locals,
                                       const std::function<void()>& meanwhile = {}) {
    net::IoContext context{1};
    std::vector<DirectoryAnswer> out(locals.size());
    Callout& directory = callout();
    for (std::size_t i = 0; i < locals.size(); ++i) {
      net::asio::co_spawn(context,
                          directory.look_up(smtp::Mailbox(locals[i], "company.ru")),
                          [&out, i](const std::exception_ptr&, DirectoryAnswer answer) {
                            out[i] = std::move(answer);
                          });
    }
    if (meanwhile) {
      context.poll();
      meanwhile();
    }
    context.run();
    return out;
  }
  DirectoryAnswer ask(const std::string& local) { return ask_all({local}).front(); }
  /// Asks a new callout with the settings as they are now.
  DirectoryAnswer ask_other(const std::string& local) {
    callout_.reset();
    return ask(local);
  }

  CalloutSettings settings;

 private:
  std::unique_ptr<Callout> callout_;
};

std::string port_of(const CalloutServer& server) {
  return "(127.0.0.1:" + std::to_string(server.port()) + ")";
}

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

TEST_F(CalloutTest, A421InTheMiddleCostsTheRestOneMoreTry) {
  CalloutServer server;
  server.to_rcpt["here"] = "250 ok";
  server.to_rcpt["stop"] = "421 4.3.2 closing";
  add_host(server.port());
  server.hold();
  const auto answers = ask_all({"here", "stop", "behind"}, [&] {
    while (callout().waiting() != 3)
      std::this_thread::yield();
    server.release();
  });
  EXPECT_EQ(answers[0].presence, Presence::known);
  EXPECT_EQ(answers[1].presence, Presence::unavailable);
  EXPECT_THAT(answers[1].evidence, HasSubstr("421 4.3.2 closing"));
  EXPECT_EQ(answers[2].presence, Presence::unavailable);
  EXPECT_EQ(server.count("RCPT TO:<here@"), 1U) << "what was answered is not asked again";
  EXPECT_EQ(server.count("RCPT TO:<stop@"), 2U);
  EXPECT_EQ(server.connections(), 2U);
}

TEST_F(CalloutTest, AKeptConnectionThatTheServerClosedIsReplacedUnseen) {
  CalloutServer server;
  add_host(server.port());
  EXPECT_EQ(ask("nobody").presence, Presence::unknown);
  server.close_after = 4;  // EHLO and one group
  EXPECT_EQ(ask("nobody").presence, Presence::unknown);
  EXPECT_EQ(server.connections(), 2U);
}

TEST_F(CalloutTest, TheNextHostIsAskedWhenTheFirstIsDown) {
  CalloutServer server;
  std::uint16_t dead = 0;
  {
    const CalloutServer gone;
    dead = gone.port();
  }
  add_host(dead);
  add_host(server.port());
  const DirectoryAnswer answer = ask("nobody");
  EXPECT_EQ(answer.presence, Presence::unknown);
  EXPECT_THAT(answer.evidence, HasSubstr(port_of(server)));
}

TEST_F(CalloutTest, ASilentServerCostsTheTimeLimitAndNothingElse) {
  CalloutServer server;
  server.to_rcpt["here"] = "250 ok";
  add_host(server.port());
  settings.timeout = std::chrono::milliseconds(200);
  server.hold_rcpt();
  const DirectoryAnswer late = ask("here");
  EXPECT_EQ(late.presence, Presence::unavailable);
  EXPECT_EQ(late.evidence, "smtp vk: no answer within 200 ms");
  server.wait_for_command("RCPT");
  server.release();
  DirectoryAnswer again;
  while (again.presence != Presence::known)
    again = ask("here");
}

TEST_F(CalloutTest, TooManyQuestionsAreRefusedAtOnce) {
  CalloutServer server;
  add_host(server.port());
  settings.most_waiting = 4;
  server.hold();
  const auto answers = ask_all(std::vector<std::string>(6, "nobody"), [&] {
    while (callout().waiting() != 4)
      std::this_thread::yield();
    server.release();
  });
  std::size_t refused = 0;
  for (const DirectoryAnswer& answer : answers) {
    if (answer.presence != Presence::unavailable) continue;
    ++refused;
    EXPECT_THAT(answer.evidence, HasSubstr("too many questions"));
  }
  EXPECT_EQ(refused, 2U);
}

TEST_F(CalloutTest, AddressesBeyondAsciiNeedSmtputf8) {
  CalloutServer server;
  server.to_rcpt["иван"] = "250 ok";
  add_host(server.port());
  EXPECT_EQ(ask("иван").presence, Presence::known);
  EXPECT_EQ(server.count("MAIL FROM:<> SMTPUTF8"), 1U);
  server.ehlo = "250 PIPELINING";
  const DirectoryAnswer answer = ask_other("иван");
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_THAT(answer.evidence, HasSubstr("SMTPUTF8"));
}

TEST_F(CalloutTest, AServerThatTakesAnyAddressIsToldOf) {
  CalloutServer server;
  server.to_rcpt["here"] = "250 ok";
  add_host(server.port());
  settings.probe = true;
  EXPECT_THAT(ask("here").evidence, EndsWith(": 250 ok"));
  EXPECT_THAT(ask("here").evidence, EndsWith(": 250 ok"));
  EXPECT_EQ(server.count("RCPT TO:<postern-nobody-"), 1U) << "once a domain";
  CalloutServer open;
  open.otherwise = "250 anybody";
  settings.next_hop.hosts.front().port = open.port();
  const DirectoryAnswer any = ask_other("whoever");
  EXPECT_EQ(any.presence, Presence::known);
  EXPECT_THAT(any.evidence, EndsWith("250 anybody; it takes any address of this domain"));
}

TEST_F(CalloutTest, ADirectoryThatIsClosedAnswersWhoeverWaits) {
  CalloutServer server;
  add_host(server.port());
  server.hold();
  net::IoContext context{1};
  DirectoryAnswer answer{Presence::known, ""};
  auto directory = std::make_unique<Callout>(settings);
  net::asio::co_spawn(
      context,
      directory->look_up(smtp::Mailbox("nobody", "company.ru")),
      [&](const std::exception_ptr&, DirectoryAnswer given) { answer = std::move(given); });
  context.poll();
  directory.reset();
  context.run();
  EXPECT_EQ(answer.presence, Presence::unavailable);
  EXPECT_EQ(answer.evidence, "the directory was closed");
}

TEST_F(CalloutTest, AWorkerThatEndsWithQuestionsOpenIsNoHarm) {
  CalloutServer server;
  add_host(server.port());
  server.hold();
  {
    net::IoContext context{1};
    net::asio::co_spawn(context,
                        callout().look_up(smtp::Mailbox("nobody", "company.ru")),
                        [](const std::exception_ptr&, const DirectoryAnswer&) {});
    context.poll();
  }
  server.release();
  EXPECT_EQ(ask("nobody").presence, Presence::unknown);
}

TEST_F(CalloutTest, StoppedAndStartedUnderLoadItNeverGuesses) {
  auto server = std::make_unique<CalloutServer>();
  const std::uint16_t port = server->port();
  const auto fill = [](CalloutServer& s) { s.to_rcpt["here"] = "250 ok"; };
  fill(*server);
  add_host(port);
  settings.connections = 3;
  callout();
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::atomic<int> down{0};
  std::atomic<int> right{0};
  const auto load = [&] {
    while (!over) {
      const auto answers = ask_all({"here", "nobody", "here", "nobody"});
      for (std::size_t i = 0; i < answers.size(); ++i) {
        const Presence truth = i % 2 == 0 ? Presence::known : Presence::unknown;
        if (answers[i].presence == Presence::unavailable) {
          ++down;
        } else {
          ++(answers[i].presence == truth ? right : wrong);
        }
      }
    }
  };
  const auto wait_for = [](const std::atomic<int>& count, int more) {
    for (const int until = count + more; count < until;)
      std::this_thread::yield();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back(load);
  for (int round = 0; round < 3; ++round) {
    wait_for(right, 200);
    server.reset();
    wait_for(down, 20);
    server = std::make_unique<CalloutServer>(port);
    fill(*server);
  }
  wait_for(right, 200);
  over = true;
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace postern::queue
