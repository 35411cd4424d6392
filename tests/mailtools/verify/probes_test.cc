// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/probes.h"

#include "mailtools/verify/letter.h"
#include "mailtools/verify/smtp_session.h"
#include "plans.h"
#include "support/exchange_server.h"
#include "support/folder.h"
#include "support/free_port.h"
#include "support/test_ca.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace postern::verify {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kTest = R"(unknown = "nobody@company.ru"
group = "all@company.ru"
[user.migrated]
address = "ivan@company.ru"
[outside]
address = "nina@corp.com"
)";

/// A gateway's config whose two next hops are the server; `hop`: more keys of Exchange's.
std::string config_with(std::uint16_t port, const std::string& hop = {}) {
  std::string text(kGatewayConfig);
  const auto replace = [&text](const std::string& what, const std::string& with) {
    text.replace(text.find(what), what.size(), with);
  };
  replace("\"10.0.0.5:25\"], behaves = \"exchange\"",
          fmt::format("\"127.0.0.1:{}\"], behaves = \"exchange\"{}", port, hop));
  replace("\"10.0.1.10:25\"", fmt::format("\"127.0.0.1:{}\"", port));
  return text;
}

/// What the probes ask, and of whom.
struct Asked {
  explicit Asked(std::uint16_t port, const std::string& hop = {})
      : config(gateway_config(config_with(port, hop))), plan(plan_of(kTest, config).plan.value()) {}

  gateway::Config config;
  Plan plan;
  Probes probes{plan, config};
};

std::vector<std::string> codes(const Row& row) {
  std::vector<std::string> out;
  for (const Trouble& one : row.troubles) {
    EXPECT_NE(find_advice(one.code), nullptr) << one.code;
    out.push_back(one.code);
  }
  return out;
}

TEST(VerifyProbes, AConnectorWithAnonymousRightsAlone) {
  const test::ExchangeServer server;
  Asked asked(server.port());
  const Row row = asked.probes.relay();
  EXPECT_THAT(codes(row), ElementsAre("x-relay-refused"));
  EXPECT_THAT(row.found, HasSubstr("Unable to relay"));
  EXPECT_TRUE(asked.probes.reached());
  const std::vector<std::string> commands = server.commands();
  EXPECT_THAT(commands, Contains("MAIL FROM:<ivan@company.ru>"));
  EXPECT_THAT(commands, Contains("RCPT TO:<nina@corp.com>"));
  EXPECT_THAT(commands, Contains("QUIT"));
  EXPECT_THAT(commands, Not(Contains(StartsWith("DATA"))));
}

TEST(VerifyProbes, WithTheRightToRelayItPasses) {
  test::ExchangeHabits habits;
  habits.relay_right = true;
  const test::ExchangeServer server(habits);
  Asked asked(server.port());
  EXPECT_EQ(asked.probes.relay().verdict, Verdict::passed);
  EXPECT_EQ(asked.probes.unknown().verdict, Verdict::passed);
  EXPECT_EQ(asked.probes.group().verdict, Verdict::passed);
}

TEST(VerifyProbes, MailThatDoesNotGoByExchangeIsNotAsked) {
  std::string text = config_with(25);
  text.replace(text.find("gateways.external = [\"exchange\"]"), 32, "");
  const gateway::Config config = gateway_config(text);
  const Plan plan = plan_of(kTest, config).plan.value();
  const Row row = Probes(plan, config).relay();
  EXPECT_EQ(row.verdict, Verdict::not_tested);
  EXPECT_THAT(row.why, HasSubstr("gateways.external"));
}

TEST(VerifyProbes, ARecipientFilterAndAClosedGroup) {
  test::ExchangeHabits habits;
  habits.unknown = {"nobody@company.ru"};
  test::ExchangeServer server(habits);
  Asked asked(server.port());
  EXPECT_THAT(codes(asked.probes.unknown()), ElementsAre("x-recipient-filter"));
  server.plan(test::At::rcpt,
              {test::Fault::Kind::say,
               "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required"});
  EXPECT_THAT(codes(asked.probes.group()), ElementsAre("x-group-authenticated"));
}

TEST(VerifyProbes, WhatIsSaidBeforeTheQuestion) {
  test::ExchangeServer server;
  Asked asked(server.port());
  server.plan(test::At::mail,
              {test::Fault::Kind::say, "530 5.7.57 SMTP; Client was not authenticated"});
  EXPECT_THAT(codes(asked.probes.unknown()), ElementsAre("x-anonymous-refused"));
  server.plan(test::At::rcpt, {test::Fault::Kind::close, ""});
  EXPECT_THAT(codes(asked.probes.unknown()), ElementsAre("x-unreachable"));
}

TEST(VerifyProbes, SizesAreComparedWithTheListeners) {
  const test::ExchangeServer server;
  Asked asked(server.port());
  const Row row = asked.probes.size(Side::old_server);
  EXPECT_THAT(codes(row), ElementsAre("x-size-small"));
  EXPECT_EQ(row.found, "SIZE 36 MiB");
  EXPECT_EQ(row.expected, "SIZE of 50 MiB at least (listener \"mx\")");
  EXPECT_THAT(codes(asked.probes.size(Side::new_platform)), ElementsAre("v-size-small"));
}

TEST(VerifyProbes, SizeWithoutALimitPasses) {
  test::ExchangeHabits habits;
  habits.capabilities = {"SIZE", "8BITMIME"};
  const test::ExchangeServer server(habits);
  Asked asked(server.port());
  EXPECT_EQ(asked.probes.size(Side::old_server).verdict, Verdict::passed);
  const Row row = asked.probes.extensions(Side::old_server);
  EXPECT_EQ(row.found,
            "no-PIPELINING 8BITMIME no-CHUNKING no-BINARYMIME no-SMTPUTF8 no-DSN STARTTLS");
}

TEST(VerifyProbes, ConnectionsThatAreRefusedAreCounted) {
  test::ExchangeHabits habits;
  habits.connections_per_source = 4;
  const test::ExchangeServer server(habits);
  Asked asked(server.port());
  const Row row = asked.probes.connections(Side::old_server);
  EXPECT_THAT(codes(row), ElementsAre("x-connections-refused"));
  EXPECT_EQ(row.found, "4 granted beside the gateway's own, 8 refused");
  EXPECT_THAT(row.why, HasSubstr("the gateway's own connections"));
  EXPECT_EQ(row.expected, "12 connections");
}

TEST(VerifyProbes, ConnectionsAsManyAsTheNextHopMayHave) {
  const test::ExchangeServer server;
  Asked asked(server.port());
  const Row row = asked.probes.connections(Side::old_server);
  EXPECT_EQ(row.verdict, Verdict::passed) << row.found;
  EXPECT_EQ(server.most_open(), 12U);
}

TEST(VerifyProbes, AfterOneQuitInVainConnectionsAreClosed) {
  test::ExchangeServer server;
  server.plan(test::At::quit, {test::Fault::Kind::close, ""});
  Asked asked(server.port());
  const Row row = asked.probes.connections(Side::old_server);
  EXPECT_EQ(row.verdict, Verdict::passed) << row.found;
  const std::vector<std::string> commands = server.commands();
  EXPECT_EQ(std::count(commands.begin(), commands.end(), "QUIT"), 1);
}

TEST(VerifyProbes, SelfSignedIsEnoughWhereNothingIsVerified) {
  const test::ExchangeServer server;
  Asked may(server.port());
  const Row row = may.probes.tls(Side::old_server);
  EXPECT_EQ(row.verdict, Verdict::passed) << (row.troubles.empty() ? "" : row.troubles[0].what);
  EXPECT_THAT(row.found, HasSubstr("TLSv1.3, certificate of"));
  EXPECT_THAT(row.found, HasSubstr("not verified"));
  Asked verify(server.port(), ", tls = \"verify\"");
  EXPECT_THAT(codes(verify.probes.tls(Side::old_server)), ElementsAre("tls-certificate"));
}

TEST(VerifyProbes, CertificatesOfAnAuthority) {
  const test::Folder folder;
  const test::TestCa ca(folder.path(), "ca");
  test::ExchangeHabits habits;
  const test::TestCa::Files good = ca.issue("good", "IP:127.0.0.1");
  habits.certificate = good.certificate;
  habits.key = good.key;
  const test::ExchangeServer server(habits);
  Asked asked(server.port(), fmt::format(", tls = \"verify\", tls_ca = \"{}\"", ca.certificate()));
  const Row row = asked.probes.tls(Side::old_server);
  EXPECT_EQ(row.verdict, Verdict::passed) << (row.troubles.empty() ? "" : row.troubles[0].what);
  EXPECT_THAT(row.found, HasSubstr(", verified"));
  EXPECT_EQ(row.why, "the certificate ends in 0 days");
}

TEST(VerifyProbes, ACertificateThatHasEnded) {
  const test::Folder folder;
  const test::TestCa ca(folder.path(), "ca");
  test::ExchangeHabits habits;
  const test::TestCa::Files old = ca.issue("old", "IP:127.0.0.1", {-7200, -3600});
  habits.certificate = old.certificate;
  habits.key = old.key;
  const test::ExchangeServer server(habits);
  Asked asked(server.port());
  EXPECT_THAT(codes(asked.probes.tls(Side::old_server)), ElementsAre("tls-certificate-expired"));
}

TEST(VerifyProbes, TlsThatIsNotOffered) {
  test::ExchangeHabits habits;
  habits.offers_starttls = false;
  const test::ExchangeServer server(habits);
  Asked may(server.port());
  const Row row = may.probes.tls(Side::old_server);
  EXPECT_EQ(row.verdict, Verdict::passed);
  EXPECT_THAT(row.why, HasSubstr("in clear"));
  Asked encrypt(server.port(), ", tls = \"encrypt\"");
  EXPECT_THAT(codes(encrypt.probes.tls(Side::old_server)), ElementsAre("tls-missing"));
}

TEST(VerifyProbes, AHandshakeThatFails) {
  test::ExchangeHabits habits;
  habits.breaks_handshake = true;
  const test::ExchangeServer server(habits);
  Asked asked(server.port());
  EXPECT_THAT(codes(asked.probes.tls(Side::old_server)), ElementsAre("tls-handshake"));
}

TEST(VerifyProbes, NobodyThere) {
  Asked asked(test::free_port());
  EXPECT_THAT(codes(asked.probes.relay()), ElementsAre("x-unreachable"));
  EXPECT_THAT(codes(asked.probes.alias()), ElementsAre("v-unreachable"));
  EXPECT_THAT(codes(asked.probes.connections(Side::new_platform)), ElementsAre("v-unreachable"));
  EXPECT_THAT(codes(asked.probes.tls(Side::old_server)), ElementsAre("x-unreachable"));
  EXPECT_FALSE(asked.probes.reached());
}

SessionTerms terms_at(std::uint16_t port) {
  SessionTerms terms;
  terms.server.host = "127.0.0.1";
  terms.server.port = port;
  terms.helo = "gw.company.ru";
  return terms;
}

TEST(VerifyHandIn, TheLetterArrivesAsItIs) {
  test::ExchangeServer server;
  const std::string letter =
      compose("pv-1-S1", "title", "nina@corp.com", "ivan@company.ru", "gw", {});
  SessionTerms terms = terms_at(server.port());
  terms.server.tls = Security::starttls;
  const Handed handed = hand_in(terms, "nina@corp.com", "ivan@company.ru", letter);
  EXPECT_TRUE(handed.taken()) << handed.failure;
  EXPECT_EQ(handed.local_address, "127.0.0.1");
  const std::vector<test::Mail> mails = server.wait_for_mails(1);
  EXPECT_EQ(mails.front().octets, letter);
  EXPECT_TRUE(mails.front().tls);
}

TEST(VerifyHandIn, NothingIsSentWithoutTheLogin) {
  const test::ExchangeServer server;  // offers NTLM alone
  SessionTerms terms = terms_at(server.port());
  terms.server.tls = Security::starttls;
  terms.user = "olga";
  terms.password = "a secret of hers";
  const Handed handed = hand_in(terms, "olga@company.ru", "ivan@company.ru", "a\r\n");
  EXPECT_TRUE(handed.reached);
  EXPECT_FALSE(handed.taken());
  EXPECT_THAT(handed.failure, Not(HasSubstr("secret")));
  EXPECT_THAT(server.commands(), Not(Contains(StartsWith("MAIL"))));
  EXPECT_THAT(server.commands(), Not(Contains(HasSubstr("secret"))));
}

TEST(VerifyHandIn, ACertificateThatProvesNothing) {
  const test::ExchangeServer server;
  SessionTerms terms = terms_at(server.port());
  terms.server.tls = Security::starttls;
  terms.server.verify = true;
  const Handed handed = hand_in(terms, "olga@company.ru", "ivan@company.ru", "a\r\n");
  EXPECT_FALSE(handed.taken());
  EXPECT_THAT(handed.failure, HasSubstr("127.0.0.1"));
  EXPECT_THAT(server.commands(), Not(Contains(StartsWith("MAIL"))));
}

TEST(VerifyHandIn, TheRefusalIsKept) {
  test::ExchangeServer server;
  server.plan(test::At::end_of_data,
              {test::Fault::Kind::say, "554 5.4.6 Hop count exceeded - possible mail loop"});
  const std::string letter =
      compose("pv-1-S1", "title", "nina@corp.com", "ivan@company.ru", "gw", {});
  const Handed handed =
      hand_in(terms_at(server.port()), "nina@corp.com", "ivan@company.ru", letter);
  EXPECT_FALSE(handed.taken());
  ASSERT_TRUE(handed.refusal);
  EXPECT_EQ(handed.refusal->code(), 554);
  EXPECT_EQ(handed.step, Step::letter);
  EXPECT_THAT(server.mails(), IsEmpty());
}

TEST(VerifyHandIn, TheStepOfTheRefusalIsKept) {
  test::ExchangeServer server;
  const auto step_of = [&server](test::At at) {
    server.plan(at, {test::Fault::Kind::say, "554 5.7.1 no"});
    const Handed handed = hand_in(terms_at(server.port()), "a@corp.com", "b@company.ru", "a\r\n");
    EXPECT_TRUE(handed.refusal);
    return handed.step;
  };
  EXPECT_EQ(step_of(test::At::ehlo), Step::session);
  EXPECT_EQ(step_of(test::At::mail), Step::sender);
  EXPECT_EQ(step_of(test::At::rcpt), Step::recipient);
}

}  // namespace
}  // namespace postern::verify
