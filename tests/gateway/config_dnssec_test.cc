// SPDX-License-Identifier: Apache-2.0
#include "config_support.h"
#include "gateway/check.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::gateway {
namespace {

/// The warning that DANE has no resolver to believe is there.
bool warns(const std::string& dns, const std::string& tls) {
  const LoadResult loaded = parse(
      "hostname = \"gw.company.ru\"\n"
      "[dns]\n" +
      dns + "[[listener]]\nname = \"mx\"\nbind = \"0.0.0.0:25\"\nrole = \"mx\"\n" + tls);
  EXPECT_TRUE(loaded.config) << shown(loaded.findings);
  if (!loaded.config) return false;
  const std::vector<Finding> findings = check(*loaded.config);
  return std::any_of(
      findings.begin(), findings.end(), [](const Finding& f) { return f.code == "no-dnssec"; });
}

constexpr const char* kElsewhere = "servers = [\"127.0.0.1\", \"192.0.2.53\"]\n";
constexpr const char* kHere = "servers = [\"127.0.0.1\", \"[::1]:5353\"]\n";

std::string dane_policy(const std::string& level) {
  return "[[tls_policy]]\ndomains = [\"*\"]\ntls = \"" + level + "\"\n";
}

TEST(ConfigDnssec, CheckWarnsWhereDaneHasNobodyToBelieve) {
  EXPECT_TRUE(warns(kElsewhere, dane_policy("dane")));
  EXPECT_TRUE(warns(kElsewhere, dane_policy("dane-only")));
  EXPECT_TRUE(
      warns(kElsewhere, "[[next_hop]]\nname = \"vk\"\nhosts = [\"mail.vk.ru\"]\ntls = \"dane\"\n"));
}

TEST(ConfigDnssec, CheckIsContentWithAServerOnLoopbackOrOneThatIsTrusted) {
  EXPECT_FALSE(warns(kHere, dane_policy("dane")));
  EXPECT_FALSE(warns(std::string(kElsewhere) + "trust_ad = true\n", dane_policy("dane")));
  EXPECT_FALSE(warns(kElsewhere, dane_policy("verify")));
}

}  // namespace
}  // namespace postern::gateway
