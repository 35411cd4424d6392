// SPDX-License-Identifier: Apache-2.0
#include "gateway/config_values.h"

#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;

TEST(ConfigValues, SizesHaveBinaryAndDecimalUnits) {
  EXPECT_EQ(*parse_size("50MiB"), 50ULL << 20);
  EXPECT_EQ(*parse_size("100MB"), 100'000'000ULL);
  EXPECT_EQ(*parse_size("35000000"), 35'000'000ULL);
  EXPECT_EQ(*parse_size("1 GiB"), 1ULL << 30);
  EXPECT_EQ(*parse_size("64kib"), 65'536ULL);
  for (const char* wrong :
       {"", "MiB", "-1", "1.5MiB", "50MiBs", "50 M B", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(wrong)) << wrong;
  }
}

TEST(ConfigValues, DurationsAddUp) {
  EXPECT_EQ(*parse_duration("1m"), 60s);
  EXPECT_EQ(*parse_duration("5d"), 120h);
  EXPECT_EQ(*parse_duration("1h30m"), 90min);
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("0s"), 0s);
  for (const char* wrong :
       {"", "60", "m", "1 m", "1M", "1m-", "-1s", "1h30", "9999999999999999999d"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
}

TEST(ConfigValues, HostsAreAddressesNamesOrTheMxOfAName) {
  const struct {
    const char* text;
    const char* str;
    bool mx;
  } kHosts[] = {
      {"10.0.0.5:2525",   "10.0.0.5:2525",      false},
      {"10.0.0.5",        "10.0.0.5:25",        false},
      {"[::1]:25",        "[::1]:25",           false},
      {"[2001:db8::1]",   "[2001:db8::1]:25",   false},
      {"2001:db8::1",     "[2001:db8::1]:25",   false},
      {"Mail.Company.ru", "mail.company.ru:25", false},
      {"mail:587",        "mail:587",           false},
      {"mx:company.ru",   "mx:company.ru",      true }
  };
  for (const auto& host : kHosts) {
    const Parsed<routing::HostSpec> parsed = parse_host(host.text);
    ASSERT_TRUE(parsed) << host.text << ": " << parsed.error().text;
    EXPECT_EQ(parsed->str(), host.str);
    EXPECT_EQ(parsed->mx, host.mx);
  }
  for (const char* wrong : {"",
                            ":25",
                            "10.0.0:25",
                            "10.0.0.256",
                            "[::1",
                            "[::1]25",
                            "[::1]:",
                            "[host]:25",
                            "a b",
                            "mx:",
                            "mx:10.0.0.5:25",
                            "host:99999",
                            "host:-1",
                            "host:"}) {
    EXPECT_FALSE(parse_host(wrong)) << wrong;
  }
}

TEST(ConfigValues, BindIsAnAddressAndAPort) {
  EXPECT_EQ(parse_bind("0.0.0.0:25")->port, 25);
  EXPECT_EQ(parse_bind("127.0.0.1:0")->port, 0);
  EXPECT_TRUE(parse_bind("[::]:1025")->address.is_v6());
  for (const char* wrong : {"",
                            "25",
                            ":25",
                            "0.0.0.0",
                            "::",
                            ":::25",
                            "[0.0.0.0]:25",
                            "[::]",
                            "0.0.0.0:",
                            "0.0.0.0:65536"}) {
    EXPECT_FALSE(parse_bind(wrong)) << wrong;
  }
}

TEST(ConfigValues, DomainsAreLowerCaseWithoutATrailingDot) {
  EXPECT_EQ(*parse_domain("Company.RU."), "company.ru");
  EXPECT_EQ(*parse_route_domain("*.Company.ru"), "*.company.ru");
  EXPECT_EQ(*parse_route_domain("*"), "*");
  for (const char* wrong : {"", ".", "a..b", "[10.0.0.5]", "*", "*.a", "user@a.b", "a b"}) {
    EXPECT_FALSE(parse_domain(wrong)) << wrong;
  }
  EXPECT_FALSE(parse_route_domain("*.*.a"));
  EXPECT_FALSE(parse_route_domain("*."));
}

TEST(ConfigValues, TheNearestNameIsNearByEdits) {
  const std::vector<std::string> names = {"exchange", "vk", "dlp"};
  EXPECT_EQ(nearest("exchnage", names), "exchange");
  EXPECT_EQ(nearest("Exchange", names), "exchange");
  EXPECT_EQ(nearest("dlq", names), "dlp");
  EXPECT_EQ(nearest("workspace", names), std::nullopt);
  EXPECT_EQ(nearest("", names), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), names), std::nullopt);
}

}  // namespace
}  // namespace postern::gateway
