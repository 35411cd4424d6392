// SPDX-License-Identifier: Apache-2.0
#include "gateway/show_dns.h"

#include "tests/dns/zone_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::vector<std::string> shown(const routing::Target& target, const std::string& zone) {
  net::IoContext context(1);
  test::ZoneResolver resolver(zone);
  const DnsReport report = show_dns(target, resolver, context, 1h);
  EXPECT_TRUE(report.complete);
  std::vector<std::string> out;
  for (const DnsFinding& finding : report.findings)
    out.push_back(finding.text());
  return out;
}

routing::Target mx_of(const std::string& domain) {
  routing::Target target;
  target.mx_domain = domain;
  return target;
}

TEST(ShowDns, TellsMxByPreferenceAndTheAddressesOfEach) {
  EXPECT_THAT(shown(mx_of("example.com"), R"(
example.com.       MX     20 backup.example.com.
example.com.       MX     10 mail.example.com.
mail.example.com.  A      192.0.2.1
mail.example.com.  AAAA   2001:db8::1
)"),
              ElementsAre("MX of example.com: 10 mail.example.com, 20 backup.example.com",
                          "A/AAAA of mail.example.com: 2001:db8::1, 192.0.2.1",
                          "A/AAAA of backup.example.com: NXDOMAIN"));
}

TEST(ShowDns, TellsTheTlsaRecordsOfHostsWhoseWayIsSecure) {
  EXPECT_THAT(shown(mx_of("example.com"), R"(
SECURE
example.com.                 MX    10 mail.example.com.
mail.example.com.            A     192.0.2.1
_25._tcp.mail.example.com.   TLSA  3 1 1 0badf00d
)"),
              ElementsAre("MX of example.com: 10 mail.example.com (DNSSEC)",
                          "A/AAAA of mail.example.com: 192.0.2.1 (DNSSEC)",
                          "TLSA of _25._tcp.mail.example.com: 3 1 1 0badf00d (DNSSEC)"));
}

TEST(ShowDns, TellsTheNullMxAndADomainWithoutMx) {
  EXPECT_THAT(shown(mx_of("null.example"), "null.example. MX 0 ."),
              ElementsAre("MX of null.example: 0 ."));
  EXPECT_THAT(shown(mx_of("plain.example"), "plain.example. A 192.0.2.3"),
              ElementsAre("MX of plain.example: no records", "A/AAAA of plain.example: 192.0.2.3"));
}

TEST(ShowDns, AsksForTheNamesOfANextHopAndForNoAddress) {
  routing::NextHop hop;
  hop.name = "vk";
  hop.hosts.resize(2);
  hop.hosts[0].host = "10.0.1.10";
  hop.hosts[1].host = "mail.company.ru";
  routing::Target target;
  target.hops = {&hop};
  EXPECT_THAT(shown(target, "mail.company.ru. A 10.0.1.11"),
              ElementsAre("A/AAAA of mail.company.ru: 10.0.1.11"));
  EXPECT_THAT(shown(mx_of("[192.0.2.1]"), ""), ElementsAre());
}

}  // namespace
}  // namespace postern::gateway
