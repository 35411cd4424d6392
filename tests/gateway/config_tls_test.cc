// SPDX-License-Identifier: Apache-2.0
// TLS towards next hops, as the config has it.
#include "gateway/check.h"
#include "gateway/config_reader.h"
#include "tests/gateway/config_support.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::gateway {
namespace {

constexpr std::string_view kHop =
    "[[next_hop]]\nname = \"three\"\nhosts = [\"10.9.9.9\"]\n";  // lines 22 to 24
const std::string kPin = "\"sha256:" + std::string(64, 'a') + "\"";

std::string hop(const std::string& lines) {
  return std::string(kHop) + lines;
}
std::string policy(const std::string& lines) {
  return "[[tls_policy]]\ndomains = [\"corp.com\"]\n" + lines;
}

TEST(ConfigTls, APinIsTheSha256OfACertificateOrItsKey) {
  const std::string octets(32, '\xaa');
  EXPECT_EQ(*parse_pin("sha256:" + std::string(64, 'a')), octets);
  EXPECT_EQ(*parse_pin("sha256:" + std::string(64, 'A')), octets);
  std::string with_colons = "sha256:AA";
  for (int i = 1; i < 32; ++i)
    with_colons += ":AA";
  EXPECT_EQ(*parse_pin(with_colons), octets) << "as openssl x509 -fingerprint prints it";
  const std::string broken[] = {"",
                                "sha256:",
                                std::string(64, 'a'),
                                "sha1:" + std::string(40, 'a'),
                                "sha256:" + std::string(62, 'a'),
                                "sha256:" + std::string(63, 'a'),
                                "sha256:" + std::string(66, 'a'),
                                "sha256:" + std::string(63, 'a') + "g",
                                "sha256:a:" + std::string(63, 'a')};
  for (const std::string& text : broken)
    EXPECT_FALSE(parse_pin(text)) << text;
}

TEST(ConfigTls, EachLevelHasItsWord) {
  using Level = routing::TlsLevel;
  for (const Level level : {Level::none,
                            Level::may,
                            Level::encrypt,
                            Level::verify,
                            Level::dane,
                            Level::dane_only,
                            Level::sts}) {
    const std::string word(routing::tls_level_name(level));
    const LoadResult result = parse(std::string(kSmall) + hop("tls = \"" + word + "\"\n") +
                                    policy("tls = \"" + word + "\"\n"));
    ASSERT_TRUE(result.config) << shown(result.findings);
    EXPECT_EQ(result.config->routing.next_hops.back().tls, level);
    EXPECT_EQ(result.config->routing.tls_policies.back().tls, level);
  }
}

TEST(ConfigTls, WhatIsWrongIsSaid) {
  struct Case {
    std::string text;
    unsigned line;
    const char* key;
    const char* code;
    const char* instead;
  };
  const std::string verify = "tls = \"verify\"\n";
  const Case cases[] = {
      {hop("tls = \"tls\"\n"),                                                                       25, "next_hop.tls",                      "bad-value",            "\"dane-only\""},
      {hop("tls_name = \"a b\"\n"),                                                                  25, "next_hop.tls_name",                 "bad-domain",           "domain"       },
      {hop(verify + "tls_pins = [\"x\"]\n"),                                                         26, "next_hop.tls_pins",                 "bad-value",            "sha256:"      },
      {hop("tls_pins = [" + kPin + "]\n"),                                                           25, "next_hop.tls_pins",                 "contradiction",        "verify"       },
      {hop("tls_ca = \"/ca\"\n"),                                                                    25, "next_hop.tls_ca",                   "contradiction",        "verify"       },
      {hop(verify + "tls_pins = [" + kPin + "]\ntls_ca = \"/ca\"\n"),
       27,                                                                                               "next_hop.tls_ca",
       "contradiction",                                                                                                                                               "tls_pins"     },
      {"[[tls_policy]]\ntls = \"may\"\n",                                                            22, "tls_policy",                        "missing-key",          "domains"      },
      {"[[tls_policy]]\ndomains = [\"a b\"]\n",                                                      23, "tls_policy.domains",                "bad-domain",           "\"*\""        },
      {policy("names = [\"a b\"]\n"),                                                                24, "tls_policy.names",                  "bad-domain",           "domain"       },
      {policy("pins = [" + kPin + "]\n"),                                                            24, "tls_policy.pins",                   "contradiction",        "verify"       },
      {policy("ca = \"/ca\"\n"),                                                                     24, "tls_policy.ca",                     "contradiction",        "verify"       },
      {policy("honour_tls_required_no = false\n"),
       24,                                                                                               "tls_policy.honour_tls_required_no",
       "contradiction",                                                                                                                                               "leave it out" },
      {hop("tls = \"none\"\nhonour_tls_required_no = true\n"),
       26,                                                                                               "next_hop.honour_tls_required_no",
       "contradiction",                                                                                                                                               "leave it out" },
      {hop(verify + "honour_tls_required_no = true\nuser = \"u\"\npassword = \"file:/dev/null\"\n"),
       26,                                                                                               "next_hop.honour_tls_required_no",
       "contradiction",                                                                                                                                               "\"user\""     },
      {"[tls_report]\nfrom = \"nobody\"\n",                                                          23, "tls_report.from",                   "bad-address",          "postmaster@"  },
      {policy("") + policy(""),                                                                      25, "tls_policy.domains",                "duplicate-tls-policy", "line 23"      },
  };
  for (const Case& c : cases) {
    const LoadResult result = parse(std::string(kSmall) + c.text);
    EXPECT_FALSE(result.config) << c.text;
    ASSERT_EQ(result.findings.size(), 1U) << c.text << shown(result.findings);
    const Finding& finding = result.findings[0];
    EXPECT_EQ(finding.line, c.line) << c.text;
    EXPECT_EQ(finding.key, c.key);
    EXPECT_EQ(finding.code, c.code);
    EXPECT_NE(finding.message.find(c.instead), std::string::npos) << finding.message;
  }
}

TEST(ConfigTls, CheckTellsWhatIsDoubtful) {
  struct Case {
    std::string text;
    unsigned line;
    Severity severity;
    const char* key;
    const char* code;
  };
  const std::string login = "user = \"relay\"\npassword = \"file:/dev/null\"\n";
  const auto kWarning = Severity::warning;
  const Case cases[] = {
      {hop("tls = \"verify\"\ntls_ca = \"/no/such\"\n"),
       26,                                                    Severity::error,
       "next_hop.tls_ca",                                                                      "bad-authorities"    },
      {hop("tls = \"verify\"\ntls_ca = \"/dev/null\"\n"),
       26,                                                    Severity::error,
       "next_hop.tls_ca",                                                                      "bad-authorities"    },
      {hop("tls = \"encrypt\"\n" + login),                25, kWarning,        "next_hop.tls", "unverified-password"},
      {hop(login),                                        22, kWarning,        "next_hop.tls", "unverified-password"},
      {hop("tls = \"sts\"\n"),                            25, kWarning,        "next_hop.tls", "sts-without-domain" },
      {policy("tls = \"verify\"\nca = \"/no/such\"\n"),
       25,                                                    Severity::error,
       "tls_policy.ca",                                                                        "bad-authorities"    },
      {"[mta_sts]\nca = \"/no/such\"\n",                  23, Severity::error, "mta_sts.ca",   "bad-authorities"    },
      {policy("") + "[gateways]\nexternal = [\"vk\"]\n",
       22,                                                    kWarning,
       "tls_policy",                                                                           "unused-tls-policy"  },
  };
  for (const Case& c : cases) {
    const LoadResult loaded = parse(std::string(kSmall) + c.text);
    ASSERT_TRUE(loaded.config) << shown(loaded.findings);
    const std::vector<Finding> findings = check(*loaded.config);
    const auto found = std::find_if(
        findings.begin(), findings.end(), [&](const Finding& f) { return f.code == c.code; });
    ASSERT_NE(found, findings.end()) << c.code << "\n" << shown(findings);
    EXPECT_EQ(found->line, c.line) << shown(findings);
    EXPECT_EQ(found->severity, c.severity);
    EXPECT_EQ(found->key, c.key);
  }
}

TEST(ConfigTls, ANameOfACertificateHasALabels) {
  const LoadResult loaded =
      parse(std::string(kSmall) + hop("tls = \"verify\"\ntls_name = \"почта.рф\"\n") +
            policy("tls = \"verify\"\nnames = [\"почта.рф\", \"10.0.0.5\"]\n"));
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const std::string name = "xn--80a1acny.xn--p1ai";
  const routing::Config& routing = loaded.config->routing;
  EXPECT_EQ(routing.next_hops.back().tls_settings.names, std::vector<std::string>{name});
  EXPECT_EQ(routing.tls_policies.back().settings.names,
            (std::vector<std::string>{name, "10.0.0.5"}));
}

TEST(ConfigTls, AVerifiedServerMayHaveThePassword) {
  const LoadResult loaded = parse(
      std::string(kSmall) +
      hop("tls = \"verify\"\nuser = \"relay\"\npassword = \"file:/dev/null\"\n") + policy(""));
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  for (const Finding& finding : check(*loaded.config)) {
    EXPECT_NE(finding.code, "unverified-password");
    EXPECT_NE(finding.code, "unused-tls-policy");
  }
}

}  // namespace
}  // namespace postern::gateway
