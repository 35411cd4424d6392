// SPDX-License-Identifier: Apache-2.0
#include "dns/name.h"

#include "dns/config.h"

#include <gtest/gtest.h>

namespace postern::dns {
namespace {

TEST(QueryName, IsLowerCaseAsciiWithoutATrailingDot) {
  EXPECT_EQ(query_name("Mail.Example.COM."), "mail.example.com");
  EXPECT_EQ(query_name("_25._tcp.example.com"), "_25._tcp.example.com");
  EXPECT_EQ(query_name("xn--e1afmkfd.xn--p1ai"), "xn--e1afmkfd.xn--p1ai");
}

TEST(QueryName, TurnsULabelsIntoALabels) {
  EXPECT_EQ(query_name("пример.рф"), "xn--e1afmkfd.xn--p1ai");
  EXPECT_EQ(query_name("ПОЧТА.Пример.РФ."), "xn--80a1acny.xn--e1afmkfd.xn--p1ai");
  EXPECT_EQ(query_name("faß.example"), "xn--fa-hia.example") << "IDNA2008, not the mapping to ss";
}

TEST(QueryName, RefusesWhatCannotBeAskedFor) {
  const std::string long_label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 64; ++i)
    long_name += "abc.";
  for (const std::string& name : {std::string(),
                                  std::string("."),
                                  std::string(".."),
                                  std::string(".example.com"),
                                  std::string("example..com"),
                                  std::string("example.com.."),
                                  std::string("exa mple.com"),
                                  std::string("exa\\mple.com"),
                                  std::string("example.com\r\n"),
                                  std::string("exam\0ple.com", 12),
                                  std::string("\xff\xfe.example"),
                                  std::string("[192.0.2.1]"),
                                  long_label + ".example",
                                  long_name + "example"}) {
    EXPECT_FALSE(query_name(name).has_value()) << name;
  }
}

TEST(QueryName, TakesNamesUpToTheLimits) {
  const std::string label(63, 'a');
  const std::string name = label + "." + label + "." + label + "." + std::string(61, 'a');
  EXPECT_EQ(name.size(), 253U);
  EXPECT_EQ(query_name(name), name);
  EXPECT_EQ(query_name(name + "."), name);
  EXPECT_FALSE(query_name(name + "a").has_value());
}

TEST(ServerAddress, IsAnAddressWithOrWithoutAPort) {
  for (const char* good : {"192.0.2.53",
                           "192.0.2.53:5353",
                           "2001:db8::53",
                           "[2001:db8::53]:5353",
                           "127.0.0.1:65535"}) {
    EXPECT_EQ(server_error(good), "") << good;
  }
  for (const char* bad : {"",
                          "dns.example.com",
                          "192.0.2.53:",
                          "192.0.2.53:0",
                          "192.0.2.53:65536",
                          "192.0.2.53:53x",
                          "[192.0.2.53]:53",
                          "[2001:db8::53]",
                          "192.0.2.53,192.0.2.54"}) {
    EXPECT_NE(server_error(bad), "") << bad;
  }
}

}  // namespace
}  // namespace postern::dns
