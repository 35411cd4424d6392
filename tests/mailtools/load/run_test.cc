// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/run.h"

#include "support/exchange_server.h"
#include "support/free_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>

namespace postern::load {
namespace {

using test::At;
using test::ExchangeHabits;
using test::ExchangeServer;
using test::Fault;
using testing::HasSubstr;
using testing::Not;

struct Ran {
  int status = -1;
  std::string out;
  std::string err;

  /// The number behind `name`, behind `section`; NaN-like -1 where there is none.
  double number(const std::string& section, const std::string& name) const {
    const std::size_t from = out.find("\"" + section + "\": {");
    const std::size_t at = from == std::string::npos ? from : out.find("\"" + name + "\": ", from);
    if (at == std::string::npos) return -1;
    return std::stod(out.substr(at + name.size() + 4));
  }
};

Ran run(Typed typed) {
  typed.json = "-";
  typed.quiet = true;
  const Read<Options> options = read_options(typed);
  if (!options) return Ran{-1, {}, options.error()};
  std::ostringstream out;
  std::ostringstream err;
  Ran result;
  result.status = run_load(*options, out, err);
  result.out = out.str();
  result.err = err.str();
  return result;
}

Typed towards(std::uint16_t port) {
  Typed out;
  out.port = port;
  out.to = "user%n@company.ru";
  out.helo = "load.example";
  out.timeout = "20s";
  return out;
}

Typed closed_loop(std::uint16_t port, std::uint64_t sessions, std::uint64_t messages) {
  Typed out = towards(port);
  out.sessions = sessions;
  out.messages = messages;
  return out;
}

Fault say(const std::string& reply, unsigned skip = 0, unsigned times = 1) {
  Fault out;
  out.kind = Fault::Kind::say;
  out.reply = reply;
  out.skip = skip;
  out.times = times;
  return out;
}

TEST(Run, TheClosedLoopSendsWhatItWasToldOverAsManySessions) {
  ExchangeServer server;
  const Ran result = run(closed_loop(server.port(), 3, 50));
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.number("messages", "sent"), 50);
  EXPECT_EQ(result.number("messages", "accepted"), 50);
  EXPECT_EQ(result.number("letter", "count"), 50);
  EXPECT_EQ(result.number("connections", "opened"), 3);
  EXPECT_EQ(server.mails().size(), 50U);
  EXPECT_EQ(server.connections(), 4U);  // one looked at the server first
  for (const test::Mail& mail : server.mails()) {
    EXPECT_EQ(mail.octets.size(), 1024U);
    EXPECT_THAT(mail.mail, HasSubstr("SIZE=1024"));
  }
}

TEST(Run, TheWarmUpIsSentAndNotCounted) {
  ExchangeServer server;
  Typed typed = closed_loop(server.port(), 2, 20);
  typed.warm_up = "10";
  const Ran result = run(typed);
  EXPECT_EQ(result.number("messages", "sent"), 20);
  EXPECT_EQ(result.number("data", "count"), 20);
  EXPECT_EQ(server.mails().size(), 30U);
}

TEST(Run, IdleSessionsUseUpNothingOfTheWarmUp) {
  ExchangeServer server;
  Typed typed = closed_loop(server.port(), 1, 4);
  typed.warm_up = "3";
  typed.idle = 8;
  const Ran result = run(typed);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.number("messages", "sent"), 4);
  EXPECT_EQ(server.mails().size(), 7U);
}

/// The one that looks at the server first is served, then the listener refuses for a while.
TEST(Run, IdleSessionsThatNeverStoodAreLostAndTheStatusTells) {
  ExchangeServer server;
  Fault busy = say("421 4.3.2 busy", 1, 300);
  busy.kind = Fault::Kind::say_and_close;
  server.plan(At::connect, busy);
  Typed typed = closed_loop(server.port(), 1, 4);
  typed.idle = 1000;
  const Ran result = run(typed);
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.number("held", "idle"), 1000);
  EXPECT_EQ(result.number("held", "lost"), 1000) << result.out;
}

TEST(Run, TheTimeOfAWarmUpOfLettersIsNotCounted) {
  constexpr std::chrono::milliseconds kWarmUp{500};
  ExchangeServer server;
  Fault hold;
  hold.kind = Fault::Kind::hold;
  server.plan(At::mail, hold);
  std::thread releases([&server, kWarmUp] {
    server.wait_for_held(1);
    std::this_thread::sleep_for(kWarmUp);
    server.release();
  });
  Typed typed = closed_loop(server.port(), 1, 100);
  typed.warm_up = "1";
  const auto began = std::chrono::steady_clock::now();
  const Ran result = run(typed);
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - began;
  releases.join();
  EXPECT_EQ(result.number("messages", "accepted"), 100);
  const std::size_t at = result.out.find("\"seconds\": ");
  ASSERT_NE(at, std::string::npos) << result.out;
  const double counted = std::stod(result.out.substr(at + 11));
  EXPECT_GT(counted, 0);
  // Half a millisecond: it has three decimals.
  EXPECT_LE(counted, whole.count() - std::chrono::duration<double>(kWarmUp).count() + 0.0005);
}

TEST(Run, RefusalsAreCountedByReply) {
  ExchangeServer server;
  server.plan(At::rcpt, say("450 4.3.1 not \"now\"", 5, 3));
  server.plan(At::end_of_data, say("554 5.6.0 no", 10, 2));
  const Ran result = run(closed_loop(server.port(), 2, 40));
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.number("messages", "accepted"), 35);
  EXPECT_EQ(result.number("messages", "failed"), 5);
  EXPECT_EQ(result.number("recipients", "refused"), 5);
  EXPECT_THAT(result.out,
              HasSubstr("\"step\": \"rcpt\", \"code\": 450, \"enhanced\": \"4.3.1\", \"count\": 3, "
                        "\"example\": \"450 4.3.1 not \\\"now\\\"\""));
  EXPECT_THAT(result.out,
              HasSubstr("\"step\": \"data_end\", \"code\": 554, \"enhanced\": \"5.6.0\""
                        ", \"count\": 2"));
}

TEST(Run, OneOfSeveralRecipientsRefusedIsALetterTakenAndAnError) {
  ExchangeHabits habits;
  habits.unknown = {"user2@company.ru"};
  ExchangeServer server(habits);
  Typed typed = closed_loop(server.port(), 1, 5);
  typed.recipients = "3";
  typed.users = 3;
  const Ran result = run(typed);
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.number("messages", "accepted"), 5);
  EXPECT_EQ(result.number("recipients", "accepted"), 10);
  EXPECT_EQ(result.number("recipients", "refused"), 5);
  EXPECT_THAT(result.out, HasSubstr("\"code\": 550, \"enhanced\": \"5.1.10\", \"count\": 5"));
}

TEST(Run, AKeptConnectionThatHasHadEnoughIsReplaced) {
  ExchangeServer server;
  Fault enough = say("421 4.4.2 enough", 3);
  enough.kind = Fault::Kind::say_and_close;
  server.plan(At::mail, enough);
  const Ran result = run(closed_loop(server.port(), 1, 10));
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_EQ(result.number("messages", "retried"), 1);
  EXPECT_EQ(result.number("messages", "accepted"), 10);
  EXPECT_EQ(result.number("connections", "opened"), 2);
}

TEST(Run, AConnectionThatIsLostInTheMiddleIsAFailure) {
  ExchangeServer server;
  Fault reset;
  reset.kind = Fault::Kind::reset;
  reset.skip = 2;
  server.plan(At::content, reset);
  const Ran result = run(closed_loop(server.port(), 1, 10));
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.number("messages", "accepted"), 9);
  EXPECT_EQ(result.number("messages", "retried"), 0);
  EXPECT_THAT(result.out, HasSubstr("\"kind\": \"closed\""));
}

TEST(Run, WithoutPipeliningEachCommandWaitsAndAHopelessLetterIsNotSent) {
  ExchangeServer server;
  server.plan(At::mail, say("451 4.3.0 later", 1));
  server.plan(At::rcpt, say("450 4.2.1 busy", 2));
  Typed typed = closed_loop(server.port(), 1, 10);
  typed.no_pipelining = true;
  const Ran result = run(typed);
  EXPECT_EQ(result.number("messages", "accepted"), 8);
  EXPECT_EQ(result.number("messages", "failed"), 2);
  EXPECT_EQ(server.count_commands("DATA"), 8U);
  EXPECT_EQ(server.count_commands("RSET"), 1U);
}

TEST(Run, ChunksHaveTheirSizeAndMakeTheWholeLetter) {
  ExchangeServer server;
  Typed typed = closed_loop(server.port(), 1, 6);
  typed.bdat = true;
  typed.chunk_size = "1000";
  typed.size = "25000";
  const Ran result = run(typed);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  ASSERT_EQ(server.mails().size(), 6U);
  for (const test::Mail& mail : server.mails()) {
    EXPECT_EQ(mail.octets.size(), 25'000U);
    EXPECT_EQ(mail.chunks.size(), 25U);
  }
}

TEST(Run, AChunkThatIsRefusedIsOneFailureAndTheNextLetterGoes) {
  ExchangeServer server;
  server.plan(At::last_chunk, say("452 4.3.1 full", 1));
  Typed typed = closed_loop(server.port(), 1, 5);
  typed.bdat = true;
  const Ran result = run(typed);
  EXPECT_EQ(result.number("messages", "accepted"), 4);
  EXPECT_THAT(result.out, HasSubstr("\"step\": \"bdat\", \"code\": 452"));
}

TEST(Run, AnUnknownRecipientDoesNotSpoilTheNextLetterOfChunks) {
  ExchangeHabits habits;
  habits.unknown = {"user2@company.ru"};
  ExchangeServer server(habits);
  Typed typed = closed_loop(server.port(), 1, 9);
  typed.bdat = true;
  typed.users = 3;
  const Ran result = run(typed);
  EXPECT_EQ(result.number("messages", "accepted"), 6) << result.out;
  EXPECT_EQ(result.number("messages", "failed"), 3);
  EXPECT_THAT(result.out, Not(HasSubstr("\"code\": 503")));
  EXPECT_EQ(server.count_commands("RSET"), 3U);
}

TEST(Run, ConnectionsAreReusedAsOftenAsToldAndNoMore) {
  ExchangeServer server;
  Typed typed = closed_loop(server.port(), 1, 12);
  typed.reuse = 4;
  const Ran result = run(typed);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.number("connections", "opened"), 3);
  EXPECT_EQ(server.count_commands("QUIT"), 4U);
}

TEST(Run, TlsIsBegunOnEachConnectionAndResumedWhereToldTo) {
  ExchangeServer server;
  Typed typed = closed_loop(server.port(), 1, 4);
  typed.tls = "starttls";
  typed.reuse = 1;
  Ran result = run(typed);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.number("connections", "handshakes"), 4);
  EXPECT_EQ(result.number("connections", "resumed"), 0);
  EXPECT_EQ(result.number("tls", "count"), 4);
  typed.resume = true;
  result = run(typed);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.number("connections", "resumed"), 3);
}

TEST(Run, ACertificateOfNobodyIsSaidBeforeAnythingIsSent) {
  ExchangeServer server;
  Typed typed = closed_loop(server.port(), 1, 4);
  typed.tls = "starttls";
  typed.verify = true;
  const Ran result = run(typed);
  EXPECT_EQ(result.status, 69);
  EXPECT_THAT(result.err, HasSubstr("cannot be used"));
  EXPECT_EQ(server.mails().size(), 0U);
}

TEST(Run, AServerThatCannotBeUsedIsSaidAtOnce) {
  EXPECT_EQ(run(closed_loop(test::free_port(), 5, 1000)).status, 69);
  ExchangeHabits habits;
  habits.withdraw("CHUNKING");
  ExchangeServer server(habits);
  Typed typed = closed_loop(server.port(), 1, 4);
  typed.bdat = true;
  Ran result = run(typed);
  EXPECT_EQ(result.status, 69);
  EXPECT_THAT(result.err, HasSubstr("leave --bdat out"));
  typed = closed_loop(server.port(), 1, 4);
  typed.size = "40M";
  result = run(typed);
  EXPECT_THAT(result.err, HasSubstr("write a smaller --size"));
}

/// The only session is stalled until well after the last letter was due: each of them has waited.
TEST(Run, AStallOfTheServerShowsInAllLettersThatWereDueMeanwhile) {
  ExchangeServer server;
  Fault hold;
  hold.kind = Fault::Kind::hold;
  server.plan(At::mail, hold);
  std::thread releases([&server] {
    server.wait_for_held(1);
    std::this_thread::sleep_until(std::chrono::steady_clock::now() +
                                  std::chrono::milliseconds(300));
    server.release();
  });
  Typed typed = towards(server.port());
  typed.rate = 1000;
  typed.messages = 100;
  typed.max_sessions = 1;
  const Ran result = run(typed);
  releases.join();
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.number("messages", "accepted"), 100);
  EXPECT_EQ(result.number("connections", "opened"), 1);
  EXPECT_GE(result.number("letter", "p50"), 200);
  const std::size_t behind = result.out.find("behind_schedule_ms");
  ASSERT_NE(behind, std::string::npos);
  EXPECT_GE(std::stod(result.out.substr(behind + 21)), 200);
}

/// The only session is held, and letters fall due that nobody takes: none of them is a failure.
TEST(Run, WhatWasDueWhenItIsStoppedIsNotUnsent) {
  ExchangeServer server;
  Fault hold;
  hold.kind = Fault::Kind::hold;
  server.plan(At::mail, hold);
  std::thread interrupts([&server] {
    server.wait_for_held(1);
    ::kill(::getpid(), SIGINT);
    server.release();
  });
  Typed typed = towards(server.port());
  typed.rate = 100'000;
  typed.duration = "10m";
  typed.max_sessions = 1;
  const Ran result = run(typed);
  interrupts.join();
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.number("messages", "unsent"), 0);
  EXPECT_THAT(result.out, HasSubstr("\"ended\": \"interrupted\""));
}

TEST(Run, TheSinkOfARunCountsWhatArrivesOverSeveralThreads) {
  const std::uint16_t port = test::free_port();
  Typed typed = towards(port);
  typed.sink = "127.0.0.1:" + std::to_string(port);
  typed.rate = 4000;
  typed.arrivals = "poisson";
  typed.messages = 400;
  typed.warm_up = "50";
  typed.threads = 3;
  typed.recipients = "1:3,4:1";
  typed.idle = 5;
  const Ran result = run(typed);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.number("messages", "accepted"), 400);
  EXPECT_EQ(result.number("messages", "delivered"), 400);
  EXPECT_EQ(result.number("messages", "copies"), 0);
  EXPECT_EQ(result.number("recipients", "delivered"), result.number("recipients", "accepted"));
  EXPECT_EQ(result.number("end_to_end", "count"), 400);
  EXPECT_GT(result.number("recipients", "accepted"), 400);
  EXPECT_EQ(result.number("held", "lost"), 0);
}

}  // namespace
}  // namespace postern::load
