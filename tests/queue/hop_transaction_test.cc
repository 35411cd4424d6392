// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_transaction.h"

#include "delivery_fixture.h"

#include <gmock/gmock.h>

#include <numeric>

namespace postern::queue {
namespace {

using test::At;
using test::ExchangeHabits;
using test::ExchangeServer;
using test::Fault;
using testing::ElementsAre;

class HopTransactionTest : public DeliveryTest {
 protected:
  ExchangeServer& start(ExchangeHabits habits = {}) {
    server = std::make_unique<ExchangeServer>(std::move(habits));
    add_host(*server);
    return *server;
  }
  std::unique_ptr<ExchangeServer> server;
};

/// A body of about `octets` in lines, with dots where they hurt.
std::string body_of(std::size_t octets) {
  std::string out = "Subject: large\r\n\r\n";
  for (std::size_t i = 0; out.size() < octets; ++i) {
    out += i % 7 == 0 ? "." : i % 11 == 0 ? "..\r\n.\r\n" : "";
    out += std::string(70, static_cast<char>('a' + i % 26)) + "\r\n";
  }
  return out;
}

TEST_F(HopTransactionTest, GivesBackTheNextHopsOwnRepliesR15) {
  hop.chunking = false;
  start();
  Letter letter;
  letter.octets = "Message-ID: <1@e.com>\r\n\r\nhello\r\n";
  const Delivered d = deliver(letter);
  ASSERT_EQ(d.recipients.size(), 1U);
  EXPECT_EQ(d.recipients[0].line(), "250 2.1.5 Recipient OK");
  EXPECT_EQ(
      d.final.line(),
      "250 2.6.0 <1@e.com> [InternalId=1, Hostname=EX01.company.ru] Queued mail for delivery");
  EXPECT_EQ(d.report.reply, d.final);
  EXPECT_EQ(d.report.host, "127.0.0.1:" + std::to_string(server->port()));
  EXPECT_FALSE(d.report.reused);
  EXPECT_FALSE(d.report.chunking);
}

TEST_F(HopTransactionTest, SendsMailAndTheFirstRecipientAsTheyCameR16R17) {
  start();
  Letter letter;
  letter.sender.path = {};
  letter.sender.parameters.size = 1000;
  letter.sender.parameters.body = smtp::Body::eight_bit_mime;
  letter.recipients = {to("I.Ivanov@Company.RU"), to("\"a b\"@company.ru")};
  letter.recipients[0].parameters.notify.never = true;
  deliver(letter);
  const std::vector<test::Mail> mails = server->wait_for_mails(1);
  EXPECT_EQ(mails[0].helo, "gw.company.ru");
  EXPECT_EQ(mails[0].mail, "MAIL FROM:<> SIZE=1000 BODY=8BITMIME");
  EXPECT_THAT(
      mails[0].rcpt,
      ElementsAre("RCPT TO:<I.Ivanov@Company.RU> NOTIFY=NEVER", "RCPT TO:<\"a b\"@company.ru>"));
}

struct WayCase {
  bool chunking;
  bool pipelining;
};

TEST_F(HopTransactionTest, KeepsEveryOctetOnEveryWayR16) {
  const std::string messages[] = {
      "Subject: t\r\n\r\nhello\r\n", ".\r\n..\r\n.a\r\n\r\n.\r\n", "\r\n", "", body_of(200'000)};
  for (const WayCase& way : {
           WayCase{false, true },
           WayCase{true,  true },
           WayCase{true,  false}
  }) {
    hop.hosts.clear();
    hop.chunking = way.chunking;
    ExchangeHabits habits;
    if (!way.pipelining) habits.withdraw("PIPELINING");
    ExchangeServer one(habits);
    add_host(one);
    std::size_t count = 0;
    for (const std::string& octets : messages) {
      for (const std::size_t piece : {std::size_t{0}, std::size_t{1}, std::size_t{70'001}}) {
        if (piece == 1 && octets.size() > 1000) continue;
        Letter letter;
        letter.octets = octets;
        letter.piece = piece;
        const Delivered d = deliver(letter);
        EXPECT_EQ(status_of(d.final), "250 2.6.0");
        EXPECT_EQ(d.report.chunking, way.chunking);
        const std::vector<test::Mail> mails = one.wait_for_mails(++count);
        EXPECT_TRUE(mails.back().octets == octets) << octets.substr(0, 40);
        EXPECT_EQ(mails.back().chunks.empty(), !way.chunking);
      }
    }
    run(pool().close_idle());
  }
}

TEST_F(HopTransactionTest, SendsASmallMessageAsOneLastChunk) {
  start();
  Letter letter;
  letter.piece = 5;
  deliver(letter);
  EXPECT_THAT(server->wait_for_mails(1)[0].chunks, ElementsAre(letter.octets.size()));
}

TEST_F(HopTransactionTest, SendsBlocksOf64KilobytesAndNoEmptyLastChunk) {
  start();
  Letter letter;
  letter.octets = std::string(3 * 65536 - 2, 'x') + "\r\n";
  letter.piece = 50'000;
  deliver(letter);
  const std::vector<std::size_t> chunks = server->wait_for_mails(1)[0].chunks;
  EXPECT_THAT(chunks, ElementsAre(65536, 65536, 65536));
}

TEST_F(HopTransactionTest, EndsALastLineWithoutCrlfInData) {
  hop.chunking = false;
  start();
  Letter letter;
  letter.octets = "Subject: t\r\n\r\nno end";
  EXPECT_TRUE(deliver(letter).final.is_positive());
  EXPECT_EQ(server->wait_for_mails(1)[0].octets, letter.octets + "\r\n");
}

TEST_F(HopTransactionTest, UsesDataWhereChunkingIsNotOfferedOrNotWanted) {
  ExchangeHabits habits;
  habits.withdraw("CHUNKING");
  start(habits);
  EXPECT_FALSE(deliver().report.chunking);
  EXPECT_EQ(server->count_commands("DATA"), 1U);
}

TEST_F(HopTransactionTest, PassesOnWhatIsSaidToARecipient) {
  ExchangeHabits habits;
  habits.unknown.insert("nobody@company.ru");
  start(habits);
  Letter letter;
  letter.recipients = {to("nobody@company.ru"), to("x@corp.com"), to("i.ivanov@company.ru")};
  const Delivered d = deliver(letter);
  EXPECT_EQ(status_of(d.recipients[0]), "550 5.1.10");
  EXPECT_EQ(d.recipients[1].line(), "550 5.7.1 Unable to relay");
  EXPECT_EQ(status_of(d.recipients[2]), "250 2.1.5");
  EXPECT_EQ(server->wait_for_mails(1)[0].rcpt.size(), 1U);
}

TEST_F(HopTransactionTest, PassesOnAHopCountThatIsExceeded) {
  start();
  Letter letter;
  letter.octets.clear();
  for (int i = 0; i < 31; ++i)
    letter.octets += "Received: from a by b\r\n";
  letter.octets += "\r\n";
  EXPECT_EQ(status_of(deliver(letter).final), "554 5.4.6");
}

TEST_F(HopTransactionTest, Takes452After200RecipientsAndDeliversToThose) {
  start();
  Letter letter;
  for (int i = 0; i < 200; ++i) {
    letter.recipients.push_back(to("u" + std::to_string(i) + "@company.ru"));
  }
  const Delivered d = deliver(letter);
  EXPECT_EQ(status_of(d.recipients[199]), "250 2.1.5");
  EXPECT_EQ(status_of(d.recipients[200]), "452 4.5.3");
  EXPECT_EQ(server->wait_for_mails(1)[0].rcpt.size(), 200U);
}

TEST_F(HopTransactionTest, AsksForNoMoreRecipientsThanTheHopAllows) {
  hop.limits.recipients_per_transaction = 2;
  start();
  Letter letter;
  letter.recipients = {to("a@company.ru"), to("b@company.ru"), to("c@company.ru")};
  EXPECT_EQ(status_of(deliver(letter).recipients[2]), "452 4.5.3");
  EXPECT_EQ(server->count_commands("RCPT"), 2U);
}

TEST_F(HopTransactionTest, KeepsToTheServersOwnLimits) {
  ExchangeHabits habits;
  habits.capabilities.emplace_back("LIMITS RCPTMAX=1 MAILMAX=2");
  start(habits);
  Letter letter;
  letter.recipients.push_back(to("b@company.ru"));
  EXPECT_EQ(status_of(deliver(letter).recipients[1]), "452 4.5.3");
  deliver();
  deliver();
  EXPECT_EQ(server->wait_for_mails(3)[2].session, 1U);
}

TEST_F(HopTransactionTest, RefusesWhatTheNextHopLacksR18) {
  struct Case {
    const char* lacking;
    void (*ask)(smtp::MailParameters&);
    const char* status;
  };
  const Case cases[] = {
      {"SMTPUTF8",   [](smtp::MailParameters& p) { p.smtputf8 = true; },                "550 5.6.7" },
      {"BINARYMIME",
       [](smtp::MailParameters& p) { p.body = smtp::Body::binary_mime; },
       "554 5.6.3"                                                                                  },
      {"CHUNKING",   [](smtp::MailParameters& p) { p.body = smtp::Body::binary_mime; }, "554 5.6.3" },
      {"nothing",    [](smtp::MailParameters& p) { p.size = 37748737; },                "552 5.3.4" },
      {"REQUIRETLS", [](smtp::MailParameters& p) { p.requiretls = true; },              "550 5.7.10"},
  };
  for (const Case& c : cases) {
    hop.hosts.clear();
    ExchangeHabits habits;
    habits.withdraw(c.lacking);
    start(habits);
    Letter letter;
    c.ask(letter.sender.parameters);
    const Delivered d = deliver(letter);
    EXPECT_EQ(status_of(d.recipients[0]), c.status) << c.lacking;
    EXPECT_EQ(server->count_commands("MAIL"), 0U);
    // The connection is as good as before.
    EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
    EXPECT_EQ(server->connections(), 1U);
    run(pool().close_idle());
  }
}

TEST_F(HopTransactionTest, SendsEightBitOnlyWhere8bitmimeIsOfferedR18) {
  for (const bool chunking : {false, true}) {
    hop.hosts.clear();
    hop.chunking = chunking;
    ExchangeHabits habits;
    habits.withdraw("8BITMIME");
    start(habits);
    Letter letter;
    letter.sender.parameters.body = smtp::Body::eight_bit_mime;
    EXPECT_TRUE(deliver(letter).final.is_positive()) << "seven bits in fact";
    letter.octets = body_of(100'000) + "caf\xc3\xa9\r\n";
    letter.piece = 40'000;
    const Delivered d = deliver(letter);
    EXPECT_FALSE(d.taken);
    EXPECT_EQ(status_of(d.final), "554 5.6.3");
    server->wait_for_open_sessions(0);
    EXPECT_EQ(server->mails().size(), 1U);
  }
}

TEST_F(HopTransactionTest, StopsAMessageThatGrowsBeyondTheNextHopsSize) {
  ExchangeHabits habits;
  habits.withdraw("SIZE");
  habits.capabilities.emplace_back("SIZE 100000");
  start(habits);
  Letter letter;
  letter.octets = body_of(200'000);
  letter.piece = 10'000;
  EXPECT_EQ(status_of(deliver(letter).final), "552 5.3.4");
  server->wait_for_open_sessions(0);
  EXPECT_TRUE(server->mails().empty());
}

TEST_F(HopTransactionTest, NeverSendsABareLfInData) {
  hop.chunking = false;
  start();
  Letter letter;
  letter.octets = "Subject: t\r\n\r\na\n.\r\nMAIL FROM:<x@y.z>\r\n";
  EXPECT_EQ(status_of(deliver(letter).final), "550 5.6.11");
  server->wait_for_open_sessions(0);
  EXPECT_TRUE(server->mails().empty());
}

TEST_F(HopTransactionTest, StopsWhenAChunkIsRefusedAndKeepsTheConnection) {
  start();
  server->plan(At::chunk, {Fault::Kind::say, "452 4.3.1 Insufficient system resources"});
  Letter letter;
  letter.octets = body_of(1'000'000);
  letter.piece = 65'536;
  const Delivered d = deliver(letter);
  EXPECT_EQ(d.final.line(), "452 4.3.1 Insufficient system resources");
  run_until([&] { return pool().idle() == 1; });
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
  EXPECT_EQ(server->connections(), 1U);
  EXPECT_EQ(server->count_commands("RSET"), 1U);
}

TEST_F(HopTransactionTest, TakesNoMoreThanTheNextHopReads) {
  for (const bool chunking : {false, true}) {
    hop.hosts.clear();
    hop.chunking = chunking;
    start();
    server->plan(chunking ? At::chunk : At::content, {Fault::Kind::hold, ""});
    constexpr std::size_t kPieces = 30 * 16;
    const std::string piece(65'536 - 2, 'x');
    std::size_t taken = 0;
    bool done = false;
    const auto send = [](HopTransaction& delivery,
                         std::string_view octets,
                         std::size_t& count) -> net::Awaitable<void> {
      const smtp::Recipient recipient = to("i.ivanov@company.ru");
      co_await delivery.recipient(recipient);
      co_await delivery.begin();
      for (std::size_t i = 0; i < kPieces; ++i, ++count) {
        co_await delivery.write(octets);
        co_await delivery.write("\r\n");
      }
      co_await delivery.finish();
    };
    HopTransaction delivery(pool(), target(), Letter().sender);
    net::asio::co_spawn(
        context, send(delivery, piece, taken), [&](std::exception_ptr) { done = true; });
    run_until([&] { return taken >= 4; });
    server->wait_for_held(1);
    while (context.poll() > 0) {
    }
    EXPECT_LT(taken, kPieces) << "all of it is in memory somewhere";
    server->release();
    run_until([&] { return done; });
    EXPECT_EQ(server->wait_for_mails(1)[0].octets.size(), kPieces * 65'536);
    run(pool().close_idle());
  }
}

TEST_F(HopTransactionTest, EndsATransactionThatWasGivenUpAtOnceAndKeepsTheConnection) {
  start();
  const auto begun = [](HopPool& pool, routing::Target where) -> net::Awaitable<smtp::Reply> {
    HopTransaction delivery(pool, where, Letter().sender);
    const smtp::Recipient recipient = to("i.ivanov@company.ru");
    const smtp::Reply reply = co_await delivery.recipient(recipient);
    co_return reply;
  };
  EXPECT_TRUE(run(begun(pool(), target())).is_positive());
  // Not with the next MAIL, which may be minutes away: a server holds a file for it so long.
  run_until([&] { return pool().idle() == 1; });
  EXPECT_EQ(server->count_commands("RSET"), 1U);
  const Delivered d = deliver();
  EXPECT_TRUE(d.report.reused);
  EXPECT_EQ(server->wait_for_mails(1)[0].rcpt.size(), 1U);
  EXPECT_EQ(server->count_commands("RSET"), 1U);
}

TEST_F(HopTransactionTest, ClosesTheConnectionOfAMessageThatWasGivenUp) {
  hop.chunking = false;
  start();
  const auto half = [](HopPool& pool, routing::Target where) -> net::Awaitable<bool> {
    HopTransaction delivery(pool, where, Letter().sender);
    const smtp::Recipient recipient = to("i.ivanov@company.ru");
    co_await delivery.recipient(recipient);
    co_await delivery.begin();
    const std::string octets(100'000, 'x');
    const bool taken = co_await delivery.write(octets);
    co_return taken;
  };
  EXPECT_TRUE(run(half(pool(), target())));
  EXPECT_EQ(pool().open(), 0U);
  server->wait_for_open_sessions(0);
  EXPECT_TRUE(server->mails().empty());
}

TEST_F(HopTransactionTest, FallsBackToHelo) {
  ExchangeHabits habits;
  habits.knows_ehlo = false;
  start(habits);
  Letter letter;
  letter.sender.parameters.size = 100;
  EXPECT_EQ(status_of(deliver(letter).final), "250 2.6.0");
  EXPECT_EQ(server->wait_for_mails(1)[0].mail, "MAIL FROM:<sender@e.com>");
}

}  // namespace
}  // namespace postern::queue
