// SPDX-License-Identifier: Apache-2.0
// RFC 8689: a message that demands TLS all the way.
#include "tls_fixture.h"

#include <boost/asio/ip/tcp.hpp>
#include <gmock/gmock.h>

namespace postern::queue {
namespace {

using routing::TlsLevel;
using test::At;
using test::ExchangeHabits;
using test::ExchangeServer;
using test::Fault;
using testing::HasSubstr;

class RequireTlsTest : public TlsDeliveryTest {
 protected:
  static ExchangeHabits offering() {
    ExchangeHabits out;
    out.capabilities.emplace_back("REQUIRETLS");
    return out;
  }
  static Letter demanding() {
    Letter out;
    out.sender.parameters.requiretls = true;
    return out;
  }
};

TEST_F(RequireTlsTest, GoesOnWithTheDemandOverVerifiedTls) {
  // Under "may" the message's own demand makes the server be verified.
  for (const TlsLevel level : {TlsLevel::may, TlsLevel::encrypt, TlsLevel::verify}) {
    hop.hosts.clear();
    hop.tls = level;
    ExchangeServer& server = start(world.good, offering());
    EXPECT_EQ(outcome_of(deliver(demanding())), "verified by chain");
    EXPECT_THAT(server.wait_for_mails(1)[0].mail, HasSubstr(" REQUIRETLS"));
    EXPECT_EQ(outcome_of(deliver()),
              level == TlsLevel::verify ? "verified by chain" : "encrypted, not verified");
    EXPECT_THAT(server.wait_for_mails(2)[1].mail, Not(HasSubstr("REQUIRETLS")));
  }
}

TEST_F(RequireTlsTest, IsRefusedForGoodWhereItCannotBeKept) {
  ExchangeHabits plain = offering();
  plain.offers_starttls = false;
  struct Case {
    const char* name;
    const test::TestCa::Files* shown;
    ExchangeHabits habits;
    TlsLevel level;
    const char* status;
  };
  const Case cases[] = {
      {"not offered",  &world.good,        {},         TlsLevel::verify, "550 5.7.30"},
      {"no TLS by us", &world.good,        offering(), TlsLevel::none,   "550 5.7.10"},
      {"no STARTTLS",  &world.good,        plain,      TlsLevel::may,    "550 5.7.10"},
      {"self-signed",  &world.self_signed, offering(), TlsLevel::may,    "550 5.7.10"},
      {"wrong name",   &world.wrong_name,  offering(), TlsLevel::verify, "550 5.7.10"},
  };
  for (const Case& c : cases) {
    hop.hosts.clear();
    hop.tls = c.level;
    ExchangeServer& server = start(*c.shown, c.habits);
    EXPECT_EQ(status_of(deliver(demanding()).recipients[0]), c.status) << c.name;
    EXPECT_EQ(server.count_commands("MAIL"), 0U) << c.name;
    if (c.level != TlsLevel::verify) EXPECT_TRUE(deliver().final.is_positive()) << c.name;
  }
}

TEST_F(RequireTlsTest, AnotherHostMayKeepIt) {
  hop.tls = TlsLevel::verify;
  ExchangeServer& lacking = start(world.good);
  ExchangeServer& broken = start(world.expired, offering());
  ExchangeServer& good = start(world.good, offering());
  EXPECT_EQ(outcome_of(deliver(demanding())), "verified by chain");
  EXPECT_EQ(good.wait_for_mails(1).size(), 1U);
  EXPECT_EQ(lacking.count_commands("MAIL") + broken.count_commands("MAIL"), 0U);
}

TEST_F(RequireTlsTest, WaitsForAHostThatIsDownRatherThanBounce) {
  hop.tls = TlsLevel::verify;
  add_dead_host();
  start(world.good);
  EXPECT_EQ(status_of(deliver(demanding()).recipients[0]), "451 4.4.1");
}

TEST_F(RequireTlsTest, WaitsWhereTheNextTryMayGoBetter) {
  struct Case {
    const char* reply;  ///< to STARTTLS; "": the handshake breaks
    const char* status;
  };
  const Case cases[] = {
      {"",                     "451 4.7.5" },
      {"454 4.7.0 not now",    "451 4.7.4" },
      {"502 5.5.1 not at all", "550 5.7.10"},
  };
  hop.tls = TlsLevel::may;
  for (const Case& c : cases) {
    hop.hosts.clear();
    ExchangeHabits habits = offering();
    habits.breaks_handshake = *c.reply == '\0';
    ExchangeServer& server = start(world.good, habits);
    if (*c.reply != '\0') server.plan(At::starttls, {Fault::Kind::say, c.reply, 0, 1000});
    EXPECT_EQ(status_of(deliver(demanding()).recipients[0]), c.status) << c.reply;
    EXPECT_EQ(server.count_commands("MAIL"), 0U);
  }
}

TEST_F(RequireTlsTest, WaitsForAuthoritiesThatCannotBeRead) {
  hop.tls = TlsLevel::may;
  hop.tls_settings.ca = world.folder + "/none.pem";
  start(world.good, offering());
  EXPECT_EQ(status_of(deliver(demanding()).recipients[0]), "451 4.7.5");
}

TEST_F(RequireTlsTest, WhatItDemandsInVainIsNoNewsOfTheHostForOthers) {
  hop.tls = TlsLevel::may;
  for (const bool offers_starttls : {true, false}) {
    hop.hosts.clear();
    ExchangeHabits habits = offering();
    habits.offers_starttls = offers_starttls;
    const ExchangeServer& server = start(world.self_signed, habits);
    EXPECT_EQ(status_of(deliver(demanding()).recipients[0]), "550 5.7.10");
    const net::Endpoint host(net::asio::ip::address_v4::loopback(), server.port());
    EXPECT_EQ(config.health->avoided_until(host, net::Clock::now()), net::TimePoint());
  }
}

TEST_F(RequireTlsTest, TheMxOfADomainMustBeKnownForSure) {
  ExchangeServer& server = start(world.good, offering());
  config.mx_port = server.port();
  resolver.add_mx("company.ru", 10, "mx.company.ru");
  routing::TlsPolicy policy;
  policy.tls = TlsLevel::verify;
  policy.settings.ca = world.ca->certificate();
  routing::Target where;
  where.mx_domain = "company.ru";
  where.tls_policy = &policy;
  // Anybody could have answered for DNS.
  EXPECT_EQ(status_of(run(deliver_to(demanding(), where)).recipients[0]), "550 5.7.10");
  resolver.mx_records["company.ru"].secure = true;
  EXPECT_EQ(outcome_of(run(deliver_to(demanding(), where))), "verified by chain");
}

}  // namespace
}  // namespace postern::queue
