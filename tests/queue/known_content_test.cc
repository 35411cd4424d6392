// SPDX-License-Identifier: Apache-2.0
// What is known of a message's octets is not looked for again on the way out (LetterFacts).
#include "delivery_fixture.h"
#include "queue/hop_transaction.h"

#include <gmock/gmock.h>

namespace postern::queue {
namespace {

using test::ExchangeHabits;
using test::ExchangeServer;

class KnownContentTest : public DeliveryTest {
 protected:
  KnownContentTest() {
    hop.chunking = false;
    ExchangeHabits habits;
    habits.withdraw("8BITMIME");
    server = std::make_unique<ExchangeServer>(std::move(habits));
    add_host(*server);
  }
  /// The reply to a message that is known to be so.
  std::string status(smtp::ContentFacts content, std::string body) {
    Letter letter;
    letter.facts.content = content;
    letter.octets = "Subject: t\r\n\r\n" + std::move(body);
    letter.piece = 50'000;
    sent = letter.octets;
    return status_of(deliver(letter).final);
  }
  std::string came(std::size_t count) { return server->wait_for_mails(count).back().octets; }

  std::unique_ptr<ExchangeServer> server;
  std::string sent;
};

std::string lines(std::size_t octets, const std::string& begin) {
  std::string out;
  for (std::size_t i = 0; out.size() < octets; ++i)
    out += begin + std::string(i % 70, 'x') + "\r\n";
  return out;
}

TEST_F(KnownContentTest, IsSentAsItIs) {
  EXPECT_EQ(status({true, true}, lines(200'000, "a.")), "250 2.6.0");
  EXPECT_EQ(came(1), sent);
}

TEST_F(KnownContentTest, OfCleanLinesStillHasItsDotsDoubled) {
  EXPECT_EQ(status({true, false}, lines(200'000, ".")), "250 2.6.0");
  EXPECT_EQ(came(1), sent);
}

TEST_F(KnownContentTest, IsNotLookedForAgain) {
  // Whoever says so has looked, so that a bare LF shows who does.
  EXPECT_EQ(status({false, false}, "a\nb\r\n"), "550 5.6.11");
  EXPECT_EQ(status({true, false}, "a\nb\r\n"), "250 2.6.0");
  EXPECT_EQ(came(1), sent);
  EXPECT_EQ(status({true, true}, "a\r\n.b\r\n"), "250 2.6.0");
  EXPECT_EQ(came(2), "Subject: t\r\n\r\na\r\nb\r\n") << "not doubled";
}

TEST_F(KnownContentTest, SaysNothingOfOctetsAbove127R18) {
  Letter letter;
  letter.facts.content = {true, true};
  letter.sender.parameters.body = smtp::Body::eight_bit_mime;
  letter.octets = "Subject: t\r\n\r\ncaf\xc3\xa9\r\n";
  EXPECT_EQ(status_of(deliver(letter).final), "554 5.6.3");
}

}  // namespace
}  // namespace postern::queue
