// SPDX-License-Identifier: Apache-2.0
#include "gateway/server.h"

#include "server_fixture.h"
#include "tls/test_certificate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace postern::gateway {
namespace {

using test::At;
using test::ExchangeClient;
using test::ExchangeClientHabits;
using test::Fault;
using test::Mail;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const char* const kMessage = "From: a@corp.com\r\nSubject: x\r\n\r\n.dot\r\nbody\r\n";

Fault say(std::string reply) {
  Fault fault;
  fault.kind = Fault::Kind::say;
  fault.reply = std::move(reply);
  return fault;
}

Fault act(Fault::Kind kind) {
  Fault fault;
  fault.kind = kind;
  return fault;
}

TEST_F(ServerTest, DeliversToVWhatExchangeSendsInChunksR16) {
  start();
  ExchangeClientHabits habits;
  habits.chunks = {7, 1, 3};
  habits.ends_with_empty_chunk = true;
  habits.tries_xexch50 = true;
  ExchangeClient exchange = client(habits);
  const auto outcome = exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage);
  EXPECT_TRUE(outcome.delivered()) << outcome.end;
  EXPECT_THAT(outcome.xexch50, StartsWith("500 5.5.1"));
  const std::vector<Mail> mails = v.wait_for_mails(1);
  EXPECT_EQ(mails[0].mail.substr(0, 22), "MAIL FROM:<a@corp.com>");
  EXPECT_THAT(mails[0].rcpt, ElementsAre(HasSubstr("<u@tech.company.ru>")));
  EXPECT_THAT(mails[0].octets, StartsWith("Received: from "));
  EXPECT_THAT(mails[0].octets, HasSubstr("\r\nPostern-Trace: "));
  EXPECT_THAT(mails[0].octets, EndsWith(std::string("\r\n") + kMessage));
}

TEST_F(ServerTest, TakesTwentyMessagesAConnectionAsExchangeSendsThem) {
  start();
  ExchangeClient exchange = client();
  for (int i = 0; i < 25; ++i) {
    const auto outcome = exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage);
    ASSERT_TRUE(outcome.delivered()) << i << ": " << outcome.end;
  }
  EXPECT_EQ(exchange.connections(), 2U);
  EXPECT_EQ(v.wait_for_mails(25).size(), 25U);
}

TEST_F(ServerTest, SendsARecipientOfAnotherNextHopBackForATransactionOfItsOwnR14) {
  start();
  ExchangeClient exchange = client();
  const auto outcome =
      exchange.send("a@corp.com", {"u@company.ru", "w@tech.company.ru", "y@company.ru"}, kMessage);
  EXPECT_THAT(outcome.rcpt,
              ElementsAre(StartsWith("250"), StartsWith("452 4.5.3"), StartsWith("250")));
  EXPECT_TRUE(outcome.delivered());
  EXPECT_EQ(x.wait_for_mails(1)[0].rcpt.size(), 2U);
  EXPECT_TRUE(exchange.send("a@corp.com", {"w@tech.company.ru"}, kMessage).delivered());
  EXPECT_EQ(v.wait_for_mails(1)[0].rcpt.size(), 1U);
}

TEST_F(ServerTest, RefusesAStrangerWhoWantsToRelayR2) {
  start();
  ExchangeClient stranger = client();
  const auto outcome = stranger.send("a@corp.com", {"b@elsewhere.example"}, kMessage);
  EXPECT_THAT(outcome.rcpt, ElementsAre(StartsWith("550 5.7.1")));
  EXPECT_FALSE(outcome.delivered());
}

TEST_F(ServerTest, PassesTheNextHopsRefusalOnWithItsWords) {
  v.plan(At::last_chunk, say("550 5.7.1 blocked by a transport rule"));
  start();
  ExchangeClient exchange = client();
  EXPECT_EQ(exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage).end,
            "550 5.7.1 blocked by a transport rule");
}

TEST_F(ServerTest, DefersWhenTheNextHopCannotBeReached) {
  v.plan(At::connect, [] {
    Fault fault = act(Fault::Kind::close);
    fault.times = 100;
    return fault;
  }());
  start();
  ExchangeClient exchange = client();
  const auto outcome = exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage);
  EXPECT_THAT(outcome.rcpt, ElementsAre(StartsWith("451 4.4.")));
}

TEST_F(ServerTest, DefersWhenTheNextHopsAnswerIsLostR15) {
  v.plan(At::last_chunk, act(Fault::Kind::close));
  start();
  ExchangeClient exchange = client();
  const auto outcome = exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage);
  EXPECT_THAT(outcome.end, StartsWith("451 4.4.2"));
}

TEST_F(ServerTest, StopsAMessageThatCirclesS9) {
  start();
  ExchangeClient sender = client();
  std::string message = kMessage;
  for (int pass = 1; pass <= 2; ++pass) {
    ASSERT_TRUE(sender.send("a@corp.com", {"u@company.ru"}, message).delivered());
    message = x.wait_for_mails(static_cast<std::size_t>(pass)).back().octets;
  }
  EXPECT_THAT(sender.send("a@corp.com", {"u@company.ru"}, message).end, StartsWith("554 5.4.6"));
  EXPECT_EQ(x.mails().size(), 2U);
  // Nothing is left open at X: a transaction that was given up is reset at once.
  x.wait_for_command("RSET");
}

TEST_F(ServerTest, FinishesTheLetterUnderWayWhenItIsStopped) {
  v.plan(At::last_chunk, act(Fault::Kind::hold));
  start();
  ExchangeClient exchange = client();
  ExchangeClient::Outcome outcome;
  std::thread sending(
      [&] { outcome = exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage); });
  v.wait_for_held(1);
  stop();
  v.release();
  sending.join();
  EXPECT_TRUE(outcome.delivered()) << outcome.end;
  join();
}

TEST_F(ServerTest, TakesLeaveOfItsNextHopsWhenItIsStopped) {
  start();
  {
    ExchangeClient exchange = client();
    EXPECT_TRUE(exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage).delivered());
  }
  stop();
  join();
  EXPECT_EQ(v.count_commands("QUIT"), 1U);
}

TEST_F(ServerTest, EndsAtOnceWhenItIsToldTwice) {
  v.plan(At::last_chunk, act(Fault::Kind::hold));
  start();
  ExchangeClient exchange = client();
  ExchangeClient::Outcome outcome;
  std::thread sending(
      [&] { outcome = exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage); });
  v.wait_for_held(1);
  stop();
  stop_now();
  join();
  v.release();
  sending.join();
  EXPECT_FALSE(outcome.delivered());
}

TEST_F(ServerTest, AReloadedConfigDecidesFromTheNextMailOnAlsoInOpenSessions) {
  start();
  ExchangeClient session = client();
  EXPECT_TRUE(session.send("a@corp.com", {"u@company.ru"}, kMessage).delivered());
  EXPECT_EQ(x.wait_for_mails(1).size(), 1U);
  setup.route_to_x = false;
  reload();
  EXPECT_TRUE(session.send("a@corp.com", {"u@company.ru"}, kMessage).delivered());
  EXPECT_EQ(session.connections(), 1U);
  EXPECT_THAT(v.wait_for_mails(1)[0].rcpt, ElementsAre(HasSubstr("<u@tech.company.ru>")));
  EXPECT_EQ(x.mails().size(), 1U);
}

TEST_F(ServerTest, ALetterUnderWayGoesByTheConfigOfItsMailThroughAReload) {
  x.plan(At::rcpt, act(Fault::Kind::hold));
  start();
  ExchangeClient session = client();
  ExchangeClient::Outcome outcome;
  std::thread sending([&] {
    outcome = session.send("a@corp.com", {"u@company.ru", "w@company.ru"}, kMessage);
  });
  x.wait_for_held(1);
  setup.route_to_x = false;
  reload();
  x.release();
  sending.join();
  EXPECT_TRUE(outcome.delivered()) << outcome.end;
  EXPECT_EQ(x.wait_for_mails(1)[0].rcpt.size(), 2U);
  EXPECT_EQ(v.mails().size(), 0U);
}

TEST_F(ServerTest, TurnsAwayMoreSessionsOfAClientThanAreAllowed) {
  setup.after = "[limits]\nsessions_per_client = 1\n";
  start();
  ExchangeClient first = client();
  EXPECT_TRUE(first.send("a@corp.com", {"u@tech.company.ru"}, kMessage).delivered());
  ExchangeClient second = client();
  EXPECT_THAT(second.send("a@corp.com", {"u@tech.company.ru"}, kMessage).connection,
              HasSubstr("421 4.7.0"));
}

TEST_F(ServerTest, SpeaksTlsWithItsOwnAndWithExchangesCertificate) {
  const test::TemporaryDirectory directory;
  const tls::KeyPair pair =
      test::make_certificate(directory, "gw.company.ru", test::KeyType::ecdsa);
  setup.listener = "tls = \"starttls\"";
  setup.after = fmt::format(
      "[tls]\ncertificates = [{{ cert = \"{}\", key = \"{}\" }}]\n", pair.cert, pair.key);
  start();
  ExchangeClient exchange = client();
  const auto outcome = exchange.send("a@corp.com", {"u@tech.company.ru"}, kMessage);
  EXPECT_TRUE(outcome.delivered()) << outcome.end;
  EXPECT_TRUE(exchange.is_tls());
  const std::vector<Mail> mails = v.wait_for_mails(1);
  EXPECT_TRUE(mails[0].tls);
  EXPECT_THAT(mails[0].octets, HasSubstr(" with ESMTPS id "));
  EXPECT_THAT(mails[0].octets, HasSubstr("\t(TLSv1."));
}

TEST_F(ServerTest, TellsTheReasonWhenAListenerCannotBeBound) {
  start();
  setup.before = "";
  Server::Options options;
  LoadResult loaded =
      parse_config(fmt::format("[[listener]]\nname = \"mx\"\nbind = \"127.0.0.1:{}\"\nrole = "
                               "\"mx\"\n[routing]\ntrace_key = \"{}\"\n",
                               port(),
                               std::string(32, 'k')),
                   "test.toml",
                   Environment{});
  ASSERT_TRUE(loaded.config.has_value());
  const LetterLog log(nullptr, LogFormat::text);
  const auto snapshot = Snapshot::build(std::move(*loaded.config));
  ASSERT_TRUE(snapshot.has_value());
  options.spool = spool::Spool::in_memory();
  Server second(*snapshot, log, std::move(options));
  const Result<void, BindError> bound = second.bind();
  ASSERT_TRUE(bound.has_error());
  EXPECT_THAT(bound.error().message,
              HasSubstr(fmt::format("listener mx: cannot listen on 127.0.0.1:{}", port())));
}

}  // namespace
}  // namespace postern::gateway
