// SPDX-License-Identifier: Apache-2.0
// RFC 8689 section 3: a message whose header says "TLS-Required: No".
#include "queue/sts_policies.h"
#include "queue/tls_plan.h"
#include "tls_fixture.h"

namespace postern::queue {
namespace {

using routing::TlsLevel;
using test::ExchangeHabits;
using test::ExchangeServer;

const char* const kNotVerified = "encrypted, not verified";
const char* const kByChain = "verified by chain";

/// Every domain has this policy of MTA-STS.
class EnforcedPolicies final : public StsPolicies {
 public:
  net::Awaitable<StsVerdict> policy(std::string /*domain*/) override {
    StsVerdict out;
    out.found = true;
    out.mode = StsVerdict::Mode::enforce;
    out.mx = {"mx.company.ru"};
    co_return out;
  }
};

class TlsNotRequiredTest : public TlsDeliveryTest {
 protected:
  net::Awaitable<HopReport> try_to(routing::Target where, bool requiretls, bool not_required) {
    Letter letter;
    letter.sender.parameters.requiretls = requiretls;
    HopTransaction delivery(pool(), where, letter.sender, {not_required, {}});
    const std::vector<smtp::Reply> replies = co_await delivery.recipients(letter.recipients);
    if (replies[0].is_positive()) {
      co_await delivery.begin();
      co_await delivery.write(letter.octets);
      co_await delivery.finish();
    }
    co_return delivery.report();
  }
  static std::string outcome_of(const HopReport& report) {
    if (!report.reply.is_positive()) return status_of(report.reply);
    if (!report.tls) return "plain";
    if (!report.tls->verified) return kNotVerified;
    return "verified by " + std::string(tls::verified_by_name(report.tls->verified_by));
  }
  HopReport send(bool not_required = true, bool requiretls = false) {
    return run(try_to(target(), requiretls, not_required));
  }
};

TEST(YieldsToSender, TheRecipientsSideYieldsAndTheAdministratorDoesNot) {
  struct Case {
    TlsLevel level;
    bool by_default;
    bool where_honoured;
  };
  const Case cases[] = {
      {TlsLevel::none,      false, false},
      {TlsLevel::may,       false, false},
      {TlsLevel::encrypt,   false, true },
      {TlsLevel::verify,    false, true },
      {TlsLevel::dane,      true,  true },
      {TlsLevel::dane_only, false, true },
      {TlsLevel::sts,       true,  true },
  };
  for (const Case& c : cases) {
    const std::string_view name = routing::tls_level_name(c.level);
    routing::TlsSettings settings;
    EXPECT_EQ(routing::yields_to_sender(c.level, settings), c.by_default) << name;
    settings.honour_not_required = true;
    EXPECT_EQ(routing::yields_to_sender(c.level, settings), c.where_honoured) << name;
    settings.honour_not_required = false;
    EXPECT_FALSE(routing::yields_to_sender(c.level, settings)) << name;
  }
  EXPECT_EQ(tls_asked(true, true), TlsAsked::required) << "RFC 8689 section 4.1";
}

TEST_F(TlsNotRequiredTest, GoesAsUnderMayWhereTheLevelYields) {
  struct Case {
    const char* name;
    const test::TestCa::Files* shown;
    bool starttls;
    const char* kept;    ///< without the field
    const char* waived;  ///< with it
  };
  const Case cases[] = {
      {"good",        &world.good,        true,  kByChain,    kNotVerified},
      {"expired",     &world.expired,     true,  "451 4.7.5", kNotVerified},
      {"self-signed", &world.self_signed, true,  "451 4.7.5", kNotVerified},
      {"no STARTTLS", &world.good,        false, "451 4.7.4", "plain"     },
  };
  for (const Case& c : cases) {
    hop.hosts.clear();
    hop.tls = TlsLevel::verify;
    ExchangeHabits habits;
    habits.offers_starttls = c.starttls;
    ExchangeServer& server = start(*c.shown, habits);
    EXPECT_EQ(outcome_of(send()), c.kept) << c.name << ": the administrator's level does not yield";
    hop.tls_settings.honour_not_required = true;
    const HopReport waived = send();
    EXPECT_EQ(outcome_of(waived), c.waived) << c.name;
    EXPECT_TRUE(waived.tls_waived);
    const HopReport other = send(false);
    EXPECT_EQ(outcome_of(other), c.kept) << c.name << ": the next message does not ask for it";
    EXPECT_FALSE(other.tls_waived);
    const bool all_good = std::string_view(c.kept) == kByChain;
    EXPECT_EQ(server.mails().size(), all_good ? 3U : 1U) << c.name;
    hop.tls_settings.honour_not_required.reset();
  }
}

TEST_F(TlsNotRequiredTest, IsTriedInPlainAtLast) {
  hop.tls = TlsLevel::encrypt;
  hop.tls_settings.honour_not_required = true;
  ExchangeHabits habits;
  habits.breaks_handshake = true;
  start(world.good, habits);
  const HopReport report = send();
  EXPECT_EQ(outcome_of(report), "plain");
  EXPECT_FALSE(report.tls_fallback.empty());
  EXPECT_TRUE(report.tls_waived);
}

TEST_F(TlsNotRequiredTest, RequiretlsGoesBeforeTheField) {
  hop.tls = TlsLevel::sts;
  start(world.self_signed);
  EXPECT_EQ(outcome_of(send(true, true)), "550 5.7.10");
  EXPECT_EQ(outcome_of(send(true, false)), kNotVerified);
}

TEST_F(TlsNotRequiredTest, APasswordIsSentToNobodyElseForIt) {
  hop.tls = TlsLevel::verify;
  hop.tls_settings.honour_not_required = true;
  hop.login.user = "relay";
  hop.login.password = "secret";
  ExchangeServer& server = start(world.self_signed);
  const HopReport report = send();
  EXPECT_EQ(outcome_of(report), "451 4.7.5");
  EXPECT_FALSE(report.tls_waived);
  EXPECT_EQ(server.count_commands("AUTH"), 0U);
}

TEST_F(TlsNotRequiredTest, ThePolicyOfADomainYields) {
  resolver.add_mx("company.ru", 10, "mx.company.ru");
  config.mx_port = start(world.self_signed).port();
  config.sts = std::make_shared<EnforcedPolicies>();
  routing::TlsPolicy policy;
  policy.tls = TlsLevel::sts;
  routing::Target where;
  where.mx_domain = "company.ru";
  where.tls_policy = &policy;
  EXPECT_EQ(outcome_of(run(try_to(where, false, false))), "451 4.7.5");
  EXPECT_EQ(outcome_of(run(try_to(where, false, true))), kNotVerified);
  policy.settings.honour_not_required = false;
  EXPECT_EQ(outcome_of(run(try_to(where, false, true))), "451 4.7.5");
}

TEST_F(TlsNotRequiredTest, NoneIsTakenAsItIs) {
  for (const TlsLevel level : {TlsLevel::none, TlsLevel::may}) {
    hop.hosts.clear();
    hop.tls = level;
    start(world.good);
    const HopReport report = send();
    EXPECT_EQ(outcome_of(report), level == TlsLevel::none ? "plain" : kNotVerified);
    EXPECT_FALSE(report.tls_waived) << "nothing was waived";
  }
}

}  // namespace
}  // namespace postern::queue
