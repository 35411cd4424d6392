// SPDX-License-Identifier: Apache-2.0
// The two halves of the Exchange that tests talk to, against each other: what they claim to do is
// what they do.
#include "support/exchange_client.h"
#include "support/exchange_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

const std::vector<std::string> kOne = {"i.ivanov@company.ru"};
const std::string kMessage = "Message-ID: <m@company.ru>\r\n\r\n.dot\r\n..\r\nend\r\n";

TEST(ExchangePeers, ExchangeAMessageOverASelfSignedCertificate) {
  ExchangeServer server;
  ExchangeClient client("127.0.0.1", server.port());
  const ExchangeClient::Outcome outcome = client.send("a@e.com", kOne, kMessage);
  EXPECT_EQ(outcome.end,
            "250 2.6.0 <m@company.ru> [InternalId=1, Hostname=EX01.company.ru] "
            "Queued mail for delivery");
  const Mail mail = server.wait_for_mails(1)[0];
  EXPECT_TRUE(mail.tls);
  EXPECT_EQ(mail.octets, kMessage);
  EXPECT_THAT(mail.chunks, ElementsAre(kMessage.size()));
  EXPECT_EQ(mail.mail,
            "MAIL FROM:<a@e.com> SIZE=" + std::to_string(kMessage.size()) + " BODY=8BITMIME");
}

TEST(ExchangePeers, SendChunksInAnySizesWithAnEmptyLastOne) {
  ExchangeServer server;
  ExchangeClientHabits habits;
  habits.chunks = {1, 2, 7};
  habits.ends_with_empty_chunk = true;
  ExchangeClient client("127.0.0.1", server.port(), habits);
  EXPECT_TRUE(client.send("a@e.com", kOne, kMessage).delivered());
  const Mail mail = server.wait_for_mails(1)[0];
  EXPECT_EQ(mail.octets, kMessage);
  EXPECT_EQ(mail.chunks.front(), 1U);
  EXPECT_EQ(mail.chunks.back(), 0U);
}

TEST(ExchangePeers, UseDataWhereChunkingIsAbsent) {
  ExchangeHabits habits;
  habits.withdraw("CHUNKING");
  ExchangeServer server(habits);
  ExchangeClient client("127.0.0.1", server.port());
  EXPECT_TRUE(client.send("a@e.com", kOne, kMessage).delivered());
  const Mail mail = server.wait_for_mails(1)[0];
  EXPECT_EQ(mail.octets, kMessage);
  EXPECT_TRUE(mail.chunks.empty());
}

TEST(ExchangePeers, UseAConnectionForTwentyMessages) {
  ExchangeServer server;
  ExchangeClient client("127.0.0.1", server.port());
  for (int i = 0; i < 21; ++i)
    EXPECT_TRUE(client.send("a@e.com", kOne, kMessage).delivered());
  EXPECT_EQ(client.connections(), 2U);
}

TEST(ExchangePeers, AreNotDisturbedByAnUnknownVerb) {
  ExchangeServer server;
  ExchangeClientHabits habits;
  habits.tries_xexch50 = true;
  ExchangeClient client("127.0.0.1", server.port(), habits);
  const ExchangeClient::Outcome outcome = client.send("a@e.com", kOne, kMessage);
  EXPECT_THAT(outcome.xexch50, StartsWith("500 "));
  EXPECT_TRUE(outcome.delivered());
}

TEST(ExchangePeers, RefuseTheTwentyFirstConnectionOfASource) {
  ExchangeServer server;
  std::vector<std::unique_ptr<ExchangeClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<ExchangeClient>("127.0.0.1", server.port()));
    EXPECT_TRUE(clients.back()->send("a@e.com", kOne, kMessage).delivered());
  }
  ExchangeClient late("127.0.0.1", server.port());
  EXPECT_THAT(late.send("a@e.com", kOne, kMessage).connection, StartsWith("greeting: 421 4.3.2"));
}

TEST(ExchangePeers, AreCutAfterTenMinutesEvenWhenBusy) {
  ExchangeServer server;
  ExchangeClientHabits habits;
  habits.uses_starttls = false;  // the cut leaves no way to say 421 in TLS
  ExchangeClient client("127.0.0.1", server.port(), habits);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(client.send("a@e.com", kOne, kMessage).delivered());
    server.advance(std::chrono::minutes(4));
  }
  server.wait_for_open_sessions(0);
  EXPECT_THAT(client.send("a@e.com", kOne, kMessage).mail, StartsWith("421 4.4.1"));
}

TEST(ExchangePeers, RelayOnlyWithTheRight) {
  ExchangeHabits habits;
  ExchangeServer anonymous(habits);
  habits.relay_right = true;
  ExchangeServer trusting(habits);
  ExchangeClient one("127.0.0.1", anonymous.port());
  ExchangeClient two("127.0.0.1", trusting.port());
  EXPECT_THAT(one.send("a@e.com", {"b@corp.com"}, kMessage).rcpt,
              ElementsAre("550 5.7.1 Unable to relay"));
  EXPECT_TRUE(two.send("a@e.com", {"b@corp.com"}, kMessage).delivered());
}

}  // namespace
}  // namespace postern::test
