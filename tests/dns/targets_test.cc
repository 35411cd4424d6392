// SPDX-License-Identifier: Apache-2.0
#include "dns/targets.h"

#include "run.h"
#include "tests/dns/zone_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace postern::dns {
namespace {

using Outcome = Targets::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kZone = R"(
example.com.        MX    20 backup.example.com.
example.com.        MX    10 mail.example.com.
mail.example.com.   A     192.0.2.1
mail.example.com.   AAAA  2001:db8::1
backup.example.com. A     192.0.2.2
plain.example.      A     192.0.2.3
xn--bcher-kva.example. A  192.0.2.4
alias.example.      CNAME example.com.
null.example.       MX    0 .
odd-null.example.   MX    0 .
odd-null.example.   MX    10 mail.example.com.
text.example.       TXT   nothing
gone.example.       MX    10 absent.example.
gone.example.       MX    20 text.example.
half.example.       MX    10 slow.example.
half.example.       MX    20 mail.example.com.
lame.example.       MX    10 absent.example.
lame.example.       MX    20 slow.example.
literal.example.    MX    10 192.0.2.9
twice.example.      MX    10 mail.example.com.
twice.example.      MX    20 MAIL.example.com.
slow.example.       TIMEOUT
broken.example.     SERVFAIL
fail.example.       A     SERVFAIL
fail.example.       TXT   x
)";

std::vector<std::string> endpoints(const Targets& targets) {
  std::vector<std::string> out;
  for (const Target& t : targets.targets) {
    out.push_back(t.host + " " + t.endpoint.address().to_string() + " " +
                  std::to_string(t.endpoint.port()));
  }
  return out;
}

class TargetsTest : public testing::Test {
 protected:
  Targets mail(const std::string& domain) {
    return test::run(io_, mail_targets(resolver_, domain, 25, random_));
  }
  Targets host(const std::string& name) {
    return test::run(io_, host_targets(resolver_, name, 2525));
  }

  net::IoContext io_{1};
  test::ZoneResolver resolver_{kZone};
  std::mt19937 random_{1};
};

TEST_F(TargetsTest, FollowThePreferencesOfTheMxAndIpv6First) {
  const Targets targets = mail("example.com");
  EXPECT_EQ(targets.outcome, Outcome::found);
  EXPECT_THAT(endpoints(targets),
              ElementsAre("mail.example.com 2001:db8::1 25",
                          "mail.example.com 192.0.2.1 25",
                          "backup.example.com 192.0.2.2 25"));
}

TEST_F(TargetsTest, AreTheDomainsOwnAddressesWithoutMx) {
  const Targets targets = mail("plain.example");
  EXPECT_EQ(targets.outcome, Outcome::found);
  EXPECT_THAT(endpoints(targets), ElementsAre("plain.example 192.0.2.3 25"));
}

TEST_F(TargetsTest, HaveTheirALabelsAsHost) {
  const char* const kName =
      "b\xc3\xbc"
      "cher.example";
  EXPECT_THAT(endpoints(mail(kName)), ElementsAre("xn--bcher-kva.example 192.0.2.4 25"));
  EXPECT_THAT(endpoints(host(kName)), ElementsAre("xn--bcher-kva.example 192.0.2.4 2525"));
}

TEST_F(TargetsTest, FollowAnAlias) {
  EXPECT_EQ(mail("alias.example").targets.size(), 3U);
}

TEST_F(TargetsTest, AreNoneWithANullMx) {
  EXPECT_EQ(mail("null.example").outcome, Outcome::null_mx);
  EXPECT_EQ(mail("odd-null.example").outcome, Outcome::found) << "a host beside it counts";
}

TEST_F(TargetsTest, AreNoneForANameThatIsNotThereOrHasNothing) {
  EXPECT_EQ(mail("nowhere.example").outcome, Outcome::no_domain);
  EXPECT_EQ(mail("text.example").outcome, Outcome::no_domain);
  EXPECT_EQ(mail("not a name").outcome, Outcome::no_domain);
}

TEST_F(TargetsTest, AreNoneWhenNoMxHasAnAddress) {
  const Targets targets = mail("gone.example");
  EXPECT_EQ(targets.outcome, Outcome::no_address);
  EXPECT_THAT(targets.detail, HasSubstr("gone.example"));
}

TEST_F(TargetsTest, AreUnknownWhenDnsCannotBeAsked) {
  EXPECT_EQ(mail("slow.example").outcome, Outcome::unknown);
  const Targets broken = mail("broken.example");
  EXPECT_EQ(broken.outcome, Outcome::unknown);
  EXPECT_EQ(broken.detail, "SERVFAIL for MX of broken.example");
  EXPECT_EQ(mail("fail.example").outcome, Outcome::unknown) << "no MX, and A cannot be asked";
}

TEST_F(TargetsTest, AreUnknownWhenOneMxIsMissingAndAnotherCannotBeAsked) {
  const Targets targets = mail("lame.example");
  EXPECT_EQ(targets.outcome, Outcome::unknown) << "asking again may find it: no bounce yet";
  EXPECT_EQ(targets.detail, "no answer for A and AAAA of slow.example");
}

TEST_F(TargetsTest, AreWhatIsKnownWhenOneMxCannotBeAsked) {
  const Targets targets = mail("half.example");
  EXPECT_EQ(targets.outcome, Outcome::found);
  EXPECT_EQ(targets.targets.size(), 2U);
}

TEST_F(TargetsTest, TolerateAnAddressWhereAnMxNameBelongs) {
  EXPECT_THAT(endpoints(mail("literal.example")), ElementsAre("192.0.2.9 192.0.2.9 25"));
}

TEST_F(TargetsTest, NameAHostOnce) {
  EXPECT_EQ(mail("twice.example").targets.size(), 2U) << "its two addresses";
}

TEST_F(TargetsTest, OfAnAddressLiteralAreItself) {
  EXPECT_THAT(endpoints(mail("[192.0.2.7]")), ElementsAre("192.0.2.7 192.0.2.7 25"));
  EXPECT_THAT(endpoints(mail("[IPv6:2001:db8::7]")), ElementsAre("2001:db8::7 2001:db8::7 25"));
  EXPECT_EQ(mail("[not.an.address]").outcome, Outcome::no_domain);
  EXPECT_EQ(mail("[]").outcome, Outcome::no_domain);
  EXPECT_TRUE(resolver_.asked().empty());
}

TEST_F(TargetsTest, ShuffleEqualPreferencesAndNoOthers) {
  test::ZoneResolver resolver(R"(
d.example. MX 10 a.example.
d.example. MX 10 b.example.
d.example. MX 10 c.example.
d.example. MX 5  first.example.
first.example. A 192.0.2.1
a.example. A 192.0.2.2
b.example. A 192.0.2.3
c.example. A 192.0.2.4
)");
  std::set<std::string> seconds;
  for (int i = 0; i < 100; ++i) {
    const Targets targets = test::run(io_, mail_targets(resolver, "d.example", 25, random_));
    ASSERT_EQ(targets.targets.size(), 4U);
    EXPECT_EQ(targets.targets[0].host, "first.example");
    seconds.insert(targets.targets[1].host);
  }
  EXPECT_EQ(seconds.size(), 3U) << "each of the equals came first at some time";
}

TEST_F(TargetsTest, HaveEachOrderOfEqualsEquallyOftenAndByTheGivenRandomness) {
  test::ZoneResolver resolver(R"(
d.example. MX 10 a.example.
d.example. MX 10 b.example.
d.example. MX 10 c.example.
a.example. A 192.0.2.2
b.example. A 192.0.2.3
c.example. A 192.0.2.4
)");
  const auto orders = [&](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::string> out;
    for (int i = 0; i < 600; ++i) {
      std::string order;
      for (const Target& t :
           test::run(io_, mail_targets(resolver, "d.example", 25, random)).targets)
        order += t.host[0];
      out.push_back(order);
    }
    return out;
  };
  const std::vector<std::string> drawn = orders(5);
  EXPECT_EQ(drawn, orders(5)) << "nothing else is random";
  std::map<std::string, int> seen;
  for (const std::string& order : drawn)
    ++seen[order];
  EXPECT_EQ(seen.size(), 6U);
  for (const auto& [order, times] : seen)
    EXPECT_NEAR(times, 100, 40) << order;
}

TEST_F(TargetsTest, AreAtMostTwenty) {
  std::string zone;
  for (int i = 0; i < 30; ++i) {
    const std::string n = std::to_string(i);
    zone +=
        "d.example. MX " + n + " h" + n + ".example.\nh" + n + ".example. A 192.0.2." + n + "\n";
  }
  test::ZoneResolver resolver(zone);
  const Targets targets = test::run(io_, mail_targets(resolver, "d.example", 25, random_));
  ASSERT_EQ(targets.targets.size(), 20U);
  EXPECT_EQ(targets.targets[19].host, "h19.example");
}

TEST_F(TargetsTest, OfAHostAreItsAddresses) {
  EXPECT_THAT(endpoints(host("mail.example.com")),
              ElementsAre("mail.example.com 2001:db8::1 2525", "mail.example.com 192.0.2.1 2525"));
  EXPECT_THAT(endpoints(host("127.0.0.3")), ElementsAre("127.0.0.3 127.0.0.3 2525"));
  EXPECT_THAT(endpoints(host("[2001:db8::9]")), ElementsAre("2001:db8::9 2001:db8::9 2525"));
  EXPECT_EQ(host("nowhere.example").outcome, Outcome::no_domain);
  EXPECT_EQ(host("text.example").outcome, Outcome::no_address);
  EXPECT_EQ(host("broken.example").outcome, Outcome::unknown);
}

TEST(ZoneResolver, RefusesALineThatIsNoRecord) {
  for (const char* line : {"example.com.",
                           "example.com. MX mail.example.com.",
                           "a.example. A x",
                           "a.example. AAAA 192.0.2.1",
                           "a..example. A 192.0.2.1",
                           "a.example. FOO x"}) {
    EXPECT_THROW(test::ZoneResolver{line}, std::invalid_argument) << line;
  }
}

}  // namespace
}  // namespace postern::dns
