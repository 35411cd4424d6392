// SPDX-License-Identifier: Apache-2.0
// What becomes of a letter by policy and certificate: the table of docs/tls.md.
#include "queue/sts_policies.h"
#include "support/folder.h"
#include "tls_fixture.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace postern::queue {
namespace {

using routing::TlsLevel;
using test::At;
using test::ExchangeHabits;
using test::ExchangeServer;
using test::Fault;
using test::TestCa;
using testing::HasSubstr;

const char* const kPlain = "plain";
const char* const kUnverified = "encrypted, not verified";
const char* const kChain = "verified by chain";
const char* const kPin = "verified by pin";
const char* const kNoTls = "451 4.7.4";
const char* const kBadTls = "451 4.7.5";

/// One server, and what comes of a letter to it by policy.
struct PolicyRow {
  std::string name;
  const TestCa::Files* shown;
  enum class Starttls : std::uint8_t { works, missing, refused, broken } starttls;
  const char* none;
  const char* may;
  const char* encrypt;
  const char* verify;
  const char* pinned_certificate;  ///< verify, with the pin of the certificate that is shown
  const char* pinned_key;
  const char* pinned_other;
  const char* words;  ///< of verify's reply; "": it is delivered
};

ExchangeHabits habits_of(PolicyRow::Starttls starttls) {
  ExchangeHabits out;
  out.offers_starttls = starttls != PolicyRow::Starttls::missing;
  out.breaks_handshake = starttls == PolicyRow::Starttls::broken;
  return out;
}

class TlsPolicyTest : public TlsDeliveryTest {
 protected:
  struct Seen {
    std::string outcome;
    std::string words;
  };
  Seen deliver_under(TlsLevel level, const std::vector<std::string>& pins = {}) {
    hop.tls = level;
    hop.tls_settings.pins = pins;
    const Delivered d = deliver();
    if (d.final.is_positive()) {
      EXPECT_EQ(servers.back()->mails().back().tls, d.report.tls.has_value());
    }
    return {outcome_of(d), std::string(d.recipients.at(0).text())};
  }
  void play(const PolicyRow& row) {
    SCOPED_TRACE(row.name);
    hop.hosts.clear();
    ExchangeServer& server = start(*row.shown, habits_of(row.starttls));
    if (row.starttls == PolicyRow::Starttls::refused) {
      server.plan(At::starttls, {Fault::Kind::say, "454 4.7.0 not now", 0, 1000});
    }
    EXPECT_EQ(deliver_under(TlsLevel::none).outcome, row.none);
    EXPECT_EQ(deliver_under(TlsLevel::may).outcome, row.may);
    EXPECT_EQ(deliver_under(TlsLevel::encrypt).outcome, row.encrypt);
    const Seen verified = deliver_under(TlsLevel::verify);
    EXPECT_EQ(verified.outcome, row.verify);
    EXPECT_THAT(verified.words, HasSubstr(row.words));
    const std::string& file = row.shown->certificate;
    const std::string of_certificate = test::sha256_of(test::certificate_der(file));
    const std::string of_key = test::sha256_of(test::public_key_der(file));
    const std::string of_other = test::sha256_of("another");
    EXPECT_EQ(deliver_under(TlsLevel::verify, {of_certificate}).outcome, row.pinned_certificate);
    EXPECT_EQ(deliver_under(TlsLevel::verify, {of_other, of_key}).outcome, row.pinned_key);
    EXPECT_EQ(deliver_under(TlsLevel::verify, {of_other}).outcome, row.pinned_other);
    // Nothing was said of a letter where it did not go.
    EXPECT_EQ(server.count_commands("MAIL"), server.mails().size());
  }
};

// clang-format off
TEST_F(TlsPolicyTest, EachPolicyDoesWithEachServerWhatItSays) {
  using S = PolicyRow::Starttls;
  const TlsWorld& w = world;
  const PolicyRow rows[] = {
      // server           shown           STARTTLS     none    may          encrypt      verify   cert. pin  key pin  other pin
      {"good",            &w.good,        S::works,    kPlain, kUnverified, kUnverified, kChain,  kPin,    kPin,    kBadTls, ""},
      {"wildcard",        &w.wildcard,    S::works,    kPlain, kUnverified, kUnverified, kChain,  kPin,    kPin,    kBadTls, ""},
      {"partial wildcard",&w.deep,        S::works,    kPlain, kUnverified, kUnverified, kBadTls, kPin,    kPin,    kBadTls, "not for mx.company.ru"},
      {"expired",         &w.expired,     S::works,    kPlain, kUnverified, kUnverified, kBadTls, kPin,    kPin,    kBadTls, "expired"},
      {"not valid yet",   &w.not_yet,     S::works,    kPlain, kUnverified, kUnverified, kBadTls, kPin,    kPin,    kBadTls, "not yet valid"},
      {"wrong name",      &w.wrong_name,  S::works,    kPlain, kUnverified, kUnverified, kBadTls, kPin,    kPin,    kBadTls, "not for mx.company.ru"},
      {"self-signed",     &w.self_signed, S::works,    kPlain, kUnverified, kUnverified, kBadTls, kPin,    kPin,    kBadTls, "self-signed"},
      {"untrusted",       &w.untrusted,   S::works,    kPlain, kUnverified, kUnverified, kBadTls, kPin,    kPin,    kBadTls, "issuer"},
      {"no STARTTLS",     &w.good,        S::missing,  kPlain, kPlain,      kNoTls,      kNoTls,  kNoTls,  kNoTls,  kNoTls,  "not offered"},
      {"STARTTLS refused",&w.good,        S::refused,  kPlain, kPlain,      kNoTls,      kNoTls,  kNoTls,  kNoTls,  kNoTls,  "454 4.7.0 not now"},
      {"handshake broken",&w.good,        S::broken,   kPlain, kPlain,      kBadTls,     kBadTls, kBadTls, kBadTls, kBadTls, "handshake"},
  };
  for (const PolicyRow& row : rows)
    play(row);
}
// clang-format on

TEST_F(TlsPolicyTest, ANameOrAnAddressOfTheConfigIsWhatTheCertificateMustBeFor) {
  struct Case {
    const char* host;
    std::vector<std::string> names;
    const TestCa::Files* shown;
    const char* outcome;
  };
  const Case cases[] = {
      {"mx.company.ru", {"mx.other.ru"},         &world.wrong_name, kChain },
      {"mx.company.ru", {"x.ru", "mx.other.ru"}, &world.wrong_name, kChain },
      {"mx.company.ru", {"mx.other.ru"},         &world.good,       kBadTls},
      {"127.0.0.1",     {},                      &world.good,       kChain },
      {"127.0.0.1",     {},                      &world.wrong_name, kBadTls},
      {"127.0.0.1",     {},                      &world.wildcard,   kBadTls},
      {"127.0.0.1",     {"mx.company.ru"},       &world.wildcard,   kChain },
  };
  hop.tls = TlsLevel::verify;
  for (const Case& c : cases) {
    hop.hosts.clear();
    start(*c.shown);
    hop.hosts[0].host = c.host;
    hop.tls_settings.names = c.names;
    EXPECT_EQ(outcome_of(deliver()), c.outcome) << c.host << " " << c.shown->certificate;
  }
}

TEST_F(TlsPolicyTest, AHostThatFailsIsPassedOverForTheNext) {
  hop.tls = TlsLevel::verify;
  ExchangeServer& bad = start(world.expired);
  ExchangeServer& plain = start(world.good, habits_of(PolicyRow::Starttls::missing));
  ExchangeServer& good = start(world.good);
  const Delivered d = deliver();
  EXPECT_EQ(outcome_of(d), kChain);
  EXPECT_EQ(d.report.host, "127.0.0.1:" + std::to_string(good.port()));
  EXPECT_EQ(bad.count_commands("MAIL"), 0U);
  EXPECT_EQ(plain.count_commands("MAIL"), 0U);
}

TEST_F(TlsPolicyTest, WithoutAuthoritiesNothingIsVerified) {
  hop.tls = TlsLevel::verify;
  hop.tls_settings.ca = world.folder + "/none.pem";
  ExchangeServer& server = start(world.good);
  EXPECT_EQ(outcome_of(deliver()), kBadTls);
  EXPECT_EQ(server.count_commands("MAIL"), 0U);
}

TEST_F(TlsPolicyTest, AKeptConnectionServesNoOtherPolicy) {
  ExchangeServer& server = start(world.good);
  hop.tls = TlsLevel::may;
  EXPECT_FALSE(deliver().report.reused);
  EXPECT_TRUE(deliver().report.reused);
  hop.tls = TlsLevel::verify;
  const Delivered verified = deliver();
  EXPECT_FALSE(verified.report.reused);
  EXPECT_EQ(outcome_of(verified), kChain);
  EXPECT_TRUE(deliver().report.reused);
  hop.tls_settings.names = {"mx.company.ru"};
  EXPECT_TRUE(deliver().report.reused || server.connections() == 3U);
  hop.tls_settings.names = {"mx.other.ru"};
  EXPECT_EQ(outcome_of(deliver()), kBadTls);
}

TEST_F(TlsPolicyTest, ASecondConnectionResumesTheSession) {
  hop.limits.messages_per_connection = 1;
  for (const TlsLevel level : {TlsLevel::may, TlsLevel::verify}) {
    hop.hosts.clear();
    hop.tls = level;
    ExchangeServer& server = start(world.good);
    const Delivered first = deliver();
    const Delivered second = deliver();
    ASSERT_TRUE(first.report.tls && second.report.tls);
    EXPECT_FALSE(first.report.tls->resumed);
    EXPECT_TRUE(second.report.tls->resumed);
    EXPECT_EQ(outcome_of(second), outcome_of(first)) << "what was verified, is";
    const auto mails = server.wait_for_mails(2);
    EXPECT_FALSE(mails[0].tls_resumed);
    EXPECT_TRUE(mails[1].tls_resumed);
  }
}

/// A file of authorities of one's own, which changes without another meaning.
class Authorities {
 public:
  explicit Authorities(const std::string& like) : path_(folder_.path() + "/ca.pem") {
    std::filesystem::copy_file(like, path_);
  }
  const std::string& path() const { return path_; }
  void change() const { std::ofstream(path_, std::ios::app) << "# changed\n"; }

 private:
  const test::Folder folder_;
  std::string path_;
};

TEST_F(TlsPolicyTest, AuthoritiesReadAnewVerifyAnew) {
  const Authorities authorities(hop.tls_settings.ca);
  hop.tls_settings.ca = authorities.path();
  hop.limits.messages_per_connection = 1;
  hop.tls = TlsLevel::verify;
  start(world.good);
  EXPECT_EQ(outcome_of(deliver()), kChain);
  authorities.change();
  EXPECT_TRUE(config.verifying->load({hop.tls_settings.ca}).empty());
  const Delivered second = deliver();
  EXPECT_EQ(outcome_of(second), kChain);
  ASSERT_TRUE(second.report.tls);
  EXPECT_FALSE(second.report.tls->resumed);
}

TEST_F(TlsPolicyTest, AuthoritiesReadAnewEndWhatIsKept) {
  const Authorities authorities(hop.tls_settings.ca);
  hop.tls_settings.ca = authorities.path();
  hop.tls = TlsLevel::verify;
  start(world.good);
  deliver();
  EXPECT_EQ(pool().idle(), 1U);
  EXPECT_TRUE(deliver().report.reused);
  config.verifying->load({hop.tls_settings.ca});
  pool().retire_outdated();
  EXPECT_EQ(pool().idle(), 1U) << "the file is the same";
  EXPECT_TRUE(deliver().report.reused);
  authorities.change();
  config.verifying->load({hop.tls_settings.ca});
  const Delivered behind = deliver();
  EXPECT_EQ(outcome_of(behind), kChain);
  EXPECT_FALSE(behind.report.reused) << "also where nobody has ended it yet";
  pool().retire_outdated();
  EXPECT_EQ(pool().idle(), 1U) << "it is newer than the authorities";
  authorities.change();
  config.verifying->load({hop.tls_settings.ca});
  pool().retire_outdated();
  EXPECT_EQ(pool().idle(), 0U);
  run_until([this] { return pool().open() == 0; });
  EXPECT_EQ(servers.back()->count_commands("QUIT"), 2U);
}

TEST_F(TlsPolicyTest, AuthoritiesReadAnewAreNothingToWhatTheyDidNotVerify) {
  hop.tls = TlsLevel::encrypt;
  start(world.good);
  deliver();
  config.verifying->load({hop.tls_settings.ca});
  pool().retire_outdated();
  EXPECT_EQ(pool().idle(), 1U);
  EXPECT_TRUE(deliver().report.reused);
}

TEST_F(TlsPolicyTest, AuthoritiesReadAnewAreNothingToPins) {
  const Authorities authorities(hop.tls_settings.ca);
  hop.tls_settings.ca = authorities.path();
  hop.tls_settings.pins = {test::sha256_of(test::certificate_der(world.good.certificate))};
  hop.tls = TlsLevel::verify;
  start(world.good);
  EXPECT_EQ(outcome_of(deliver()), kPin);
  authorities.change();
  config.verifying->load({hop.tls_settings.ca});
  pool().retire_outdated();
  EXPECT_EQ(pool().idle(), 1U);
}

TEST_F(TlsPolicyTest, AHostIsCalledByItsALabels) {
  const TestCa::Files shown = world.ca->issue("idn", "DNS:xn--80a1acny.xn--p1ai");
  const std::string host = "\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0.\xd1\x80\xd1\x84";
  resolver.add_host(host, {"127.0.0.1"});
  resolver.add_host("xn--80a1acny.xn--p1ai", {"127.0.0.1"});
  hop.tls = TlsLevel::verify;
  start(shown);
  hop.hosts[0].host = host;
  EXPECT_EQ(outcome_of(deliver()), kChain);
}

TEST_F(TlsPolicyTest, AServerThatCannotStandAnOldSessionGetsANewOne) {
  hop.limits.messages_per_connection = 1;
  for (const TlsLevel level : {TlsLevel::may, TlsLevel::verify}) {
    hop.hosts.clear();
    hop.tls = level;
    ExchangeHabits habits;
    habits.breaks_resumption = true;
    ExchangeServer& server = start(world.good, habits);
    const std::string first = outcome_of(deliver());
    EXPECT_EQ(outcome_of(deliver()), first) << "not in plain for that";
    EXPECT_EQ(server.connections(), 3U);
  }
}

TEST_F(TlsPolicyTest, ASessionIsNeverResumedUnderAnotherPolicy) {
  hop.limits.messages_per_connection = 1;
  ExchangeServer& server = start(world.self_signed);
  hop.tls = TlsLevel::may;
  EXPECT_EQ(outcome_of(deliver()), kUnverified);
  hop.tls = TlsLevel::verify;
  EXPECT_EQ(outcome_of(deliver()), kBadTls);
  EXPECT_EQ(server.count_commands("MAIL"), 1U);
}

class MxPolicyTest : public TlsDeliveryTest {
 protected:
  Delivered deliver_mx() {
    routing::Target where;
    where.mx_domain = "company.ru";
    where.tls_policy = &policy;
    return run(deliver_to({}, where));
  }
  void serve(const TestCa::Files& shown, ExchangeHabits habits = {}) {
    resolver.add_mx("company.ru", 10, "mx.company.ru");
    config.mx_port = start(shown, std::move(habits)).port();
    policy.settings.ca = world.ca->certificate();
    policy.tls = TlsLevel::verify;
  }
  bool is_avoided(const ExchangeServer& server) const {
    const net::Endpoint host(net::asio::ip::address_v4::loopback(), server.port());
    return config.health->avoided_until(host, net::Clock::now()) != net::TimePoint();
  }
  routing::TlsPolicy policy;
};

TEST_F(MxPolicyTest, TheMxHostsNameIsWhatIsVerified) {
  serve(world.good);
  EXPECT_EQ(outcome_of(deliver_mx()), kChain);
}

TEST_F(MxPolicyTest, AnotherNamesCertificateIsRefused) {
  serve(world.wrong_name);
  const Delivered d = deliver_mx();
  EXPECT_EQ(outcome_of(d), kBadTls);
  EXPECT_THAT(std::string(d.recipients[0].text()), HasSubstr("not for mx.company.ru"));
}

TEST_F(MxPolicyTest, WhatOneDomainWantsInVainIsNoNewsOfTheHostForOthers) {
  serve(world.self_signed);
  EXPECT_EQ(outcome_of(deliver_mx()), kBadTls);
  EXPECT_FALSE(is_avoided(*servers.back()));
  routing::Target other;  // a domain of the same host
  other.mx_domain = "company.ru";
  EXPECT_TRUE(run(deliver_to({}, other)).final.is_positive());
}

TEST_F(MxPolicyTest, NorIsTlsThatTheHostDoesNotOffer) {
  serve(world.good, habits_of(PolicyRow::Starttls::missing));
  policy.tls = TlsLevel::encrypt;
  EXPECT_EQ(outcome_of(deliver_mx()), kNoTls);
  EXPECT_FALSE(is_avoided(*servers.back()));
}

TEST_F(MxPolicyTest, WhatANextHopOfTheConfigDemandsInVainIsNewsOfTheHost) {
  hop.tls = TlsLevel::verify;
  ExchangeServer& server = start(world.self_signed);
  EXPECT_EQ(outcome_of(deliver()), kBadTls);
  EXPECT_TRUE(is_avoided(server));
}

/// Every domain has a policy of testing, with this MX.
class TestingPolicies final : public StsPolicies {
 public:
  net::Awaitable<StsVerdict> policy(std::string /*domain*/) override {
    StsVerdict out;
    out.found = true;
    out.mode = StsVerdict::Mode::testing;
    out.mx = {"mx.company.ru"};
    co_return out;
  }
};

TEST_F(MxPolicyTest, TestingEncryptsWhateverItFinds) {
  serve(world.self_signed);
  policy.tls = TlsLevel::sts;
  config.sts = std::make_shared<TestingPolicies>();
  EXPECT_EQ(outcome_of(deliver_mx()), kUnverified);
  policy.settings.ca = world.folder + "/none.pem";
  EXPECT_EQ(outcome_of(deliver_mx()), kUnverified) << "also without authorities";
}

TEST_F(MxPolicyTest, NamesOfThePolicyCount) {
  serve(world.wrong_name);
  policy.settings.names = {"mx.other.ru"};
  EXPECT_EQ(outcome_of(deliver_mx()), kChain);
}

}  // namespace
}  // namespace postern::queue
