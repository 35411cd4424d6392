// SPDX-License-Identifier: Apache-2.0
#include "gateway/show_tls.h"

#include "tests/dns/zone_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <stdlib.h>

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using routing::TlsLevel;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const mta_sts::WallTime kMoment{std::chrono::seconds(1'800'000'000)};

class ShowTlsTest : public ::testing::Test {
 protected:
  ShowTlsTest() {
    folder = (std::filesystem::temp_directory_path() / "postern-sts-XXXXXX").string();
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    hop.name = "vk";
    hop.hosts.resize(1);
    hop.hosts[0].host = "10.0.1.10";
    mx.mx_domain = "company.ru";
    mx.tls_policy = &policy;
    policy.domains = {"*"};
  }
  ~ShowTlsTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  std::vector<TlsFinding> find(const routing::Target& target, const std::string& zone = kZone) {
    net::IoContext context(1);
    test::ZoneResolver resolver(zone);
    StsSources sts;
    sts.folder = folder;
    sts.now = [] { return kMoment; };
    const TlsReport report = show_tls(target, sts, resolver, context, 1h);
    EXPECT_TRUE(report.complete);
    return report.findings;
  }
  std::vector<std::string> shown(const routing::Target& target, const std::string& zone = kZone) {
    std::vector<std::string> out;
    for (const TlsFinding& finding : find(target, zone))
      out.push_back(finding.text());
    return out;
  }
  routing::Target to_hop() {
    routing::Target out;
    out.hops = {&hop};
    return out;
  }
  void keep(mta_sts::Mode mode, const std::string& listed) {
    mta_sts::StoredPolicy stored;
    stored.policy = {mode, 7 * 24h, {listed}};
    stored.id = "20270101";
    stored.fetched = kMoment - 3h;
    EXPECT_TRUE(mta_sts::PolicyStore(folder).save("company.ru", stored));
  }

  static constexpr const char* kZone =
      "company.ru. MX 10 mx.company.ru.\nmx.company.ru. A 10.9.9.9";
  static constexpr const char* kSigned =
      "SECURE\ncompany.ru. MX 10 mx.company.ru.\nmx.company.ru. A 10.9.9.9\n";
  std::string folder;
  routing::NextHop hop;
  routing::TlsPolicy policy;
  routing::Target mx;
};

TEST_F(ShowTlsTest, TellsTheLevelOfANextHopForEachOfItsHosts) {
  hop.hosts.resize(2);
  hop.hosts[1].host = "2001:db8::1";
  hop.hosts[1].port = 2525;
  EXPECT_THAT(
      shown(to_hop()),
      ElementsAre("10.0.1.10:25: TLS where it is offered, else in plain; not verified (may of "
                  "next_hop vk)",
                  "[2001:db8::1]:2525: TLS where it is offered, else in plain; not verified (may "
                  "of next_hop vk)"));
  hop.hosts.resize(1);
  hop.tls = TlsLevel::none;
  EXPECT_THAT(shown(to_hop()), ElementsAre("10.0.1.10:25: in plain (none of next_hop vk)"));
  hop.tls = TlsLevel::verify;
  EXPECT_THAT(shown(to_hop()),
              ElementsAre("10.0.1.10:25: TLS, verified by chain (verify of next_hop vk)"));
  hop.tls_settings.pins = {std::string(32, 'x')};
  hop.tls_settings.honour_not_required = true;
  EXPECT_THAT(shown(to_hop()),
              ElementsAre("10.0.1.10:25: TLS, verified by pin (verify of next_hop vk; "
                          "TLS-Required: No is honoured)"));
}

TEST_F(ShowTlsTest, APasswordMakesItEncryptAndYieldsToNobody) {
  hop.login.user = "relay";
  EXPECT_THAT(shown(to_hop()),
              ElementsAre("10.0.1.10:25: TLS, not verified (may of next_hop vk; a password is "
                          "sent)"));
  hop.tls = TlsLevel::dane;
  EXPECT_FALSE(find(to_hop()).at(0).yields);
}

TEST_F(ShowTlsTest, TellsThePolicyOfADomainAndTheDefault) {
  policy.tls = TlsLevel::encrypt;
  policy.domains = {"company.ru", "*.company.ru"};
  EXPECT_THAT(shown(mx),
              ElementsAre("mx.company.ru:25: TLS, not verified (encrypt of tls_policy company.ru, "
                          "*.company.ru)"));
  mx.tls_policy = nullptr;
  EXPECT_THAT(shown(mx),
              ElementsAre("mx.company.ru:25: TLS where it is offered, else in plain; not verified "
                          "(may of the default)"));
}

TEST_F(ShowTlsTest, TellsTheLevelWhereThereIsNoHost) {
  policy.tls = TlsLevel::encrypt;
  EXPECT_THAT(
      shown(mx, ""),
      ElementsAre(AllOf(HasSubstr("mx:company.ru"),
                        HasSubstr(": there is no host to ask (encrypt of tls_policy *; "))));
  EXPECT_EQ(find(mx, "").at(0).demand, "unknown");
}

TEST_F(ShowTlsTest, TellsWhatDaneFinds) {
  policy.tls = TlsLevel::dane;
  const std::string records = "_25._tcp.mx.company.ru. TLSA 3 1 1 ";
  const std::string digest(64, 'a');
  const TlsFinding found = find(mx, kSigned + records + digest).at(0);
  EXPECT_EQ(found.text(),
            "mx.company.ru:25: TLS, verified by dane (dane of tls_policy *; DANE: 1 TLSA record; "
            "TLS-Required: No is honoured)");
  EXPECT_EQ(found.next_hop, "mx:company.ru");
  EXPECT_EQ(found.demand, "verify");
  EXPECT_EQ(found.by, "dane");
  EXPECT_THAT(shown(mx, kSigned + records.substr(0, records.size() - 6) + "1 1 1 " + digest),
              ElementsAre(HasSubstr("TLS, not verified (dane of tls_policy *; DANE: TLSA records, "
                                    "none that can be used")));
  EXPECT_THAT(shown(mx, kZone),
              ElementsAre(HasSubstr("else in plain; not verified (dane of tls_policy *; DANE: no "
                                    "TLSA record that DNSSEC proves")));
  policy.tls = TlsLevel::dane_only;
  const TlsFinding refused = find(mx, kZone).at(0);
  EXPECT_EQ(refused.demand, "refused");
  EXPECT_EQ(refused.text(),
            "mx.company.ru:25: no delivery (dane-only of tls_policy *; next hop mx.company.ru: no "
            "DANE: DNSSEC does not validate the way to the host)");
}

TEST_F(ShowTlsTest, TellsTheMtaStsPolicyThatIsKeptAndHowOldItIs) {
  policy.tls = TlsLevel::sts;
  keep(mta_sts::Mode::enforce, "mx.company.ru");
  EXPECT_THAT(shown(mx),
              ElementsAre("mx.company.ru:25: TLS, verified by chain (sts of tls_policy *; MTA-STS "
                          "policy 20270101 of company.ru: enforce, fetched 3 h ago, for 6 d more; "
                          "TLS-Required: No is honoured)"));
  keep(mta_sts::Mode::testing, "mx.company.ru");
  EXPECT_THAT(shown(mx),
              ElementsAre(AllOf(HasSubstr("else in plain; not verified"), HasSubstr("testing"))));
  keep(mta_sts::Mode::enforce, "other.company.ru");
  EXPECT_THAT(
      shown(mx),
      ElementsAre(AllOf(HasSubstr("no delivery"), HasSubstr("it is no MX of the MTA-STS"))));
  EXPECT_TRUE(std::filesystem::exists(folder + "/company.ru"));
}

TEST_F(ShowTlsTest, TellsThatThereIsNoMtaStsPolicy) {
  policy.tls = TlsLevel::sts;
  EXPECT_THAT(shown(mx),
              ElementsAre(AllOf(HasSubstr("no MTA-STS policy"), Not(HasSubstr("cannot be read")))));
}

TEST_F(ShowTlsTest, TellsThatTheKeptPoliciesCannotBeRead) {
  policy.tls = TlsLevel::sts;
  std::filesystem::create_symlink("loop", folder + "/loop");  // root may read what is only secret
  folder += "/loop";
  EXPECT_THAT(shown(mx), ElementsAre(HasSubstr("what the gateway keeps cannot be read: ")));
}

TEST(StsText, HasUnitsThatFitTheAge) {
  mta_sts::StoredPolicy stored;
  stored.policy = {mta_sts::Mode::testing, 100s, {}};
  stored.id = "1";
  stored.fetched = kMoment;
  EXPECT_EQ(sts_text("a.ru", stored, kMoment),
            "MTA-STS policy 1 of a.ru: testing, fetched 0 s ago, for 100 s more");
  stored.policy.max_age = 30 * 24h;
  stored.fetched = kMoment - 5min;
  EXPECT_EQ(sts_text("a.ru", stored, kMoment),
            "MTA-STS policy 1 of a.ru: testing, fetched 5 min ago, for 29 d more");
}

}  // namespace
}  // namespace postern::gateway
