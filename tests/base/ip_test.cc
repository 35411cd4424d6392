// SPDX-License-Identifier: Apache-2.0
#include "base/ip.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

struct ContainsCase {
  const char* prefix;
  const char* address;
  bool contains;
};

TEST(IpPrefix, ContainsExactlyItsBlock) {
  const ContainsCase cases[] = {
      {"10.0.1.0/24",       "10.0.1.255",      true },
      {"10.0.1.0/24",       "10.0.2.0",        false},
      {"10.0.0.0/28",       "10.0.0.15",       true },
      {"10.0.0.0/28",       "10.0.0.16",       false},
      {"10.0.0.5",          "10.0.0.5",        true },
      {"10.0.0.5",          "10.0.0.6",        false},
      {"10.0.0.5",          "::ffff:10.0.0.5", true },
      {"0.0.0.0/0",         "192.0.2.1",       true },
      {"0.0.0.0/0",         "2001:db8::1",     false},
      {"2001:db8:7::/48",   "2001:db8:7:1::9", true },
      {"2001:db8:7::/48",   "2001:db8:8::",    false},
      {"2001:db8:7:8::/61", "2001:db8:7:f::1", true },
      {"2001:db8:7:8::/61", "2001:db8:7:10::", false},
      {"2001:db8:7::8/125", "2001:db8:7::f",   true },
      {"2001:db8:7::8/125", "2001:db8:7::10",  false},
      {"2001:db8:7::8/125", "2001:db9:7::f",   false},
      {"::/0",              "2001:db8::1",     true },
      {"::/0",              "192.0.2.1",       false},
      {"::/0",              "::ffff:10.0.0.5", false},
  };
  for (const ContainsCase& c : cases) {
    const auto prefix = IpPrefix::parse(c.prefix);
    const auto address = parse_ip(c.address);
    ASSERT_TRUE(prefix && address) << c.prefix;
    EXPECT_EQ(prefix->contains(*address), c.contains) << c.prefix << " " << c.address;
  }
}

TEST(IpPrefix, RefusesWhatIsNoBlock) {
  for (const char* text : {"",
                           "10.0.0",
                           "10.0.0.0/33",
                           "10.0.0.0/",
                           "10.0.0.0/-1",
                           "10.0.0.0/8x",
                           "10.0.0.5/24",
                           "::/129",
                           "fe80::1%eth0",
                           "company.ru",
                           "10.0.0.0/ 8"}) {
    EXPECT_FALSE(IpPrefix::parse(text).has_value()) << text;
  }
}

TEST(IpPrefix, IsWrittenAsItWasRead) {
  for (const char* text : {"10.0.1.0/24", "10.0.0.5", "2001:db8:7::/48", "::1"}) {
    EXPECT_EQ(IpPrefix::parse(text)->str(), text);
  }
}

TEST(IpSet, AnEmptyListContainsNobody) {
  EXPECT_FALSE(IpSet().contains(*parse_ip("127.0.0.1")));
}

TEST(IpSet, NamesTheBlockThatCovers) {
  const IpSet set({*IpPrefix::parse("10.0.0.5"), *IpPrefix::parse("10.0.1.0/24")});
  const IpPrefix* found = set.find(*parse_ip("10.0.1.7"));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->str(), "10.0.1.0/24");
}

}  // namespace
}  // namespace postern
