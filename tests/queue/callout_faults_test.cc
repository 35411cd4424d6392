// SPDX-License-Identifier: Apache-2.0
// R8, R9 by callout: what breaks is never guessed for.
#include "callout_fixture.h"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <thread>

namespace postern::queue {
namespace {

using routing::DirectoryAnswer;
using routing::Presence;
using test::CalloutServer;
using ::testing::EndsWith;
using ::testing::HasSubstr;

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
  const std::map<std::string, std::string> replies = {
      {"here", "250 ok"}
  };
  auto server = std::make_unique<CalloutServer>(0, replies);
  const std::uint16_t port = server->port();
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
    server = std::make_unique<CalloutServer>(port, replies);
  }
  wait_for(right, 200);
  over = true;
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace postern::queue
