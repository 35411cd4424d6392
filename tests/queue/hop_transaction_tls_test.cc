// SPDX-License-Identifier: Apache-2.0
// What is encrypted where nothing is verified; policies beyond that: tls_policy_test.cc.
#include "delivery_fixture.h"

#include <gmock/gmock.h>

namespace postern::queue {
namespace {

using test::ExchangeHabits;
using test::ExchangeServer;
using ::testing::HasSubstr;

class HopTransactionTlsTest : public DeliveryTest {
 protected:
  void start(ExchangeHabits habits = {}) {
    server = std::make_unique<ExchangeServer>(std::move(habits));
    add_host(*server);
  }
  std::unique_ptr<ExchangeServer> server;
};

TEST_F(HopTransactionTlsTest, EncryptsWhereStarttlsIsOffered) {
  hop.tls = routing::NextHop::Tls::may;
  start();
  const Delivered d = deliver();
  ASSERT_TRUE(d.report.tls);
  EXPECT_THAT(d.report.tls->version, HasSubstr("TLSv1."));
  EXPECT_FALSE(d.report.tls->verified);
  EXPECT_TRUE(server->wait_for_mails(1)[0].tls);
}

TEST_F(HopTransactionTlsTest, GoesOnInPlainWhenTheHandshakeFailsUnderMay) {
  hop.tls = routing::NextHop::Tls::may;
  ExchangeHabits habits;
  habits.breaks_handshake = true;
  start(habits);
  const Delivered d = deliver();
  EXPECT_EQ(status_of(d.final), "250 2.6.0");
  EXPECT_FALSE(d.report.tls);
  EXPECT_EQ(server->connections(), 2U);
}

TEST_F(HopTransactionTlsTest, SendsNothingInPlainUnderEncrypt) {
  hop.tls = routing::NextHop::Tls::encrypt;
  for (const bool offered : {false, true}) {
    hop.hosts.clear();
    ExchangeHabits habits;
    habits.offers_starttls = offered;
    habits.breaks_handshake = true;
    start(habits);
    EXPECT_EQ(status_of(deliver().recipients[0]), offered ? "451 4.7.5" : "451 4.7.4");
    EXPECT_EQ(server->count_commands("MAIL"), 0U);
  }
}

}  // namespace
}  // namespace postern::queue
