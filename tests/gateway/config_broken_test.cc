// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/config_support.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace postern::gateway {
namespace {

/// A config with one thing wrong, and the finding that must be there.
struct Broken {
  std::string_view name;  ///< of the case
  std::string text;
  unsigned line;
  std::string_view key;
  std::string_view code;
  std::string_view says;  ///< a part of the message: mostly what to write instead
};

/// The name of a failed case.
std::ostream& operator<<(std::ostream& out, const Broken& broken) {
  return out << broken.name;
}

std::string with(std::string_view from, std::string_view to) {
  return replaced(kSmall, from, to);
}
std::string and_then(std::string_view more) {
  return std::string(kSmall) + std::string(more);  // its first line is line 22
}

class BrokenConfig : public testing::TestWithParam<Broken> {};

TEST_P(BrokenConfig, IsRefusedWithItsLineKeyAndAdvice) {
  const Broken& broken = GetParam();
  const LoadResult result = parse(broken.text);
  EXPECT_FALSE(result.config);
  EXPECT_EQ(exit_status(result.findings), 2);
  const auto found =
      std::find_if(result.findings.begin(), result.findings.end(), [&](const Finding& f) {
        return f.severity == Severity::error && f.line == broken.line && f.key == broken.key &&
               f.code == broken.code && f.message.find(broken.says) != std::string::npos;
      });
  EXPECT_NE(found, result.findings.end()) << "wanted " << broken.line << ": " << broken.key << " ["
                                          << broken.code << "] ..." << broken.says << "..., got\n"
                                          << shown(result.findings);
  // One mistake, one error: what follows from it is not told as well.
  const auto errors = std::count_if(result.findings.begin(),
                                    result.findings.end(),
                                    [](const Finding& f) { return f.severity == Severity::error; });
  EXPECT_EQ(errors, 1) << shown(result.findings);
}

// clang-format off
const Broken kForm[] = {
    {"NotToml",                        "hostname = \n",                            1,                    "","syntax","not TOML"                                                                                                                       },
    {"KeyTwice",                       "hostname = \"a.b\"\nhostname = \"a.b\"\n", 2,                    "","syntax","hostname"                                                                                                                       },
    {"CyrillicOutsideOfQuotes", "[relay]\nallow_without_auth = [\"10.0.0.5 = \"\u0440\u0444\"\n", 2, "", "syntax", "not TOML"},
    {"UnknownTopKey",                  "host_name = \"gw\"\n",                     1,                    "host_name","unknown-key","write \"hostname\""                                                                                                             },
    {"UnknownSection",                 and_then("[gateway]\n"),                    22,                   "gateway","unknown-key","write \"gateways\""                                                                                                             },
    {"UnknownListenerKey",
     with("bind =",                                                                "binds = 1\nbind ="),
     4,"listener.binds",
     "unknown-key","write \"bind\""},
    {"UnknownKeyLikeNothing",
     with("[relay]",                                                    "[relay]\nqqqqqqqq = 1"),
     21,"relay.qqqqqqqq",
     "unknown-key",                                                      "one of \"allow_without_auth\""},
    {"UnknownNestedKey",
     and_then("[limits.delivery]\nmail_timeot = \"1m\"\n"),
     23,                                              "limits.delivery.mail_timeot",
     "unknown-key","write \"mail_timeout\""},
    {"TextForNumber",
     and_then("[routing]\nmax_hops = \"25\"\n"),
     23,                                                        "routing.max_hops",
     "wrong-type","without quotes"},
    {"NumberForText",
     with("name = \"mx\"",                                                          "name = 25"),
     3,"listener.name",
     "wrong-type","name = \"...\""},
    {"TextForFlag",
     and_then("[recipients]\nvalidate = \"true\"\n"),
     23,                                                                   "recipients.validate",
     "wrong-type","validate = true or validate = false"},
    {"FractionForNumber",
     and_then("[limits]\nsessions = 1.5\n"),
     23,                                              "limits.sessions",
     "wrong-type","fraction"},
    {"TextForList",
     with("hosts = [\"10.0.0.5:25\"]",                                                     "hosts = \"10.0.0.5:25\""),
     7,"next_hop.hosts",
     "wrong-type","hosts = [\"10.0.0.5:25\"]"},
    {"NumberInList",
     with("[\"10.0.0.5\", ",                                                                 "[10, "),
     21,"relay.allow_without_auth",
     "wrong-type","in quotes"},
    {"TableForTables",                               "[listener]\nname = \"mx\"\n",                                               1,                                                                                       "listener","wrong-type","[[listener]]"},
    {"TextForTable",                               "relay = \"10.0.0.5\"\n",                 1,"relay","wrong-type","[relay]"                      },
    {"TextForTlsPairs",
     and_then("[tls]\ncertificates = [\"/c\"]\n"),
     23,                                                                                                                        "tls.certificates",
     "wrong-type",                                                                                                                     "{ ... }"                                                                                                                                                                                                               },
};
// clang-format on

// clang-format off
const Broken kValues[] = {
    {"BindWithoutPort",
     with("\"0.0.0.0:25\"",                         "\"0.0.0.0\""),
     4,                                                                                 "listener.bind",
     "bad-address",                                                                                                                                              "0.0.0.0:25"},
    {"BindByName",
     with("\"0.0.0.0:25\"",                                "\"localhost:25\""),
     4,         "listener.bind",
     "bad-address",                                                                                                                                 "[::]:25"},
    {"BindWithoutBrackets",
     with("\"0.0.0.0:25\"",                                  "\"2001:db8:::25\""),
     4,                                                             "listener.bind",
     "bad-address",                                                                                                                                                          "[::]:25"},
    {"BindPortTooLarge",
     with("0.0.0.0:25",                      "0.0.0.0:65536"),
     4,                                     "listener.bind",
     "bad-address",                                                                                                   "an address and a port"},
    {"UnknownRole",
     with("bind =",                                 "role = \"smtp\"\nbind ="),
     4,                                          "listener.role",
     "bad-value",                                                                                                                                              "\"mx\", \"submission\""},
    {"UnknownDelivery",
     with("bind =",                            "delivery = \"direct\"\nbind ="),
     4,                                             "listener.delivery",
     "bad-value","\"cut_through\""},
    {"UnknownListenerTls",
     with("bind =",                                             "tls = \"ssl\"\nbind ="),
     4,                                                                       "listener.tls",
     "bad-value",                                                                                                                                                                       "\"implicit\""},
    {"SizeWithWrongUnit",
     with("bind =","max_message_size = \"50 MiBs\"\nbind ="),
     4,"listener.max_message_size",
     "bad-size","\"50MiB\""},
    {"SizeTooSmall",
     with("bind =",                                 "max_message_size = 1000\nbind ="),
     4,                                                                                 "listener.max_message_size",
     "out-of-range",                                                                                                                                                 "65536"},
    {"MorePassesThanAreCounted",
     and_then("[routing]\nmax_own_passes = 100\n"),
     23, "routing.max_own_passes",
     "out-of-range", "from 1 to 99"},
    {"SizeBeyondAllNumbers",
     with("bind =",                              "max_message_size = \"9999999999999GiB\"\nbind ="),
     4, "listener.max_message_size",
     "bad-size",                                             "not a size"},
    {"NoRecipients",
     with("bind =",                                    "max_recipients = 0\nbind ="),
     4,                                                                     "listener.max_recipients",
     "out-of-range",                                                                                                                                                          "from 1 to"},
    {"HostPort",
     with("10.0.0.5:25\"]\nb",                      "10.0.0.5:smtp\"]\nb"),
     7,                                         "next_hop.hosts",
     "bad-host",                                                                            "from 1 to 65535"},
    {"HostPortZero",
     with("10.0.0.5:25\"]\nb",                                "10.0.0.5:0\"]\nb"),
     7,                                                     "next_hop.hosts",
     "bad-host",                                                                                                                                   "from 1 to 65535"},
    {"HostOctets",
     with("10.0.0.5:25\"]\nb",                           "10.0.0.500\"]\nb"),
     7,                                                     "next_hop.hosts",
     "bad-host",                                  "10.0.0.5:25"},
    {"HostWithoutBrackets",
     with("10.0.0.5:25\"]\nb",                                             "::1:2:3:4:5:6:7:25\"]\nb"),
     7,                                                                        "next_hop.hosts",
     "bad-host","write \"["},
    {"NoHosts",          with("[\"10.0.0.5:25\"]","[]"),                                                                                                 7,           "next_hop.hosts",                                                                                                                     "empty-value",                                                                                                 "hosts = "},
    {"UnknownBehaviour",
     with("behaves = \"exchange\"",                      "behaves = \"Exchange\""),
     8,                                                                                 "next_hop.behaves",
     "bad-value",                                                                                                                                                 "\"exchange\""},
    {"BlockWithHostBits",
     with("10.0.1.0/24",                                   "10.0.1.5/24"),
     21,                                                       "relay.allow_without_auth",
     "bad-address", "\"10.0.1.5\" for this address alone"},
    {"BlockTooLong",
     with("10.0.1.0/24",                                 "10.0.1.0/33"),
     21,                                                     "relay.allow_without_auth",
     "bad-address",                                                                                                                                                          "0 to 32"},
    {"DomainIsAnAddress",
     with("name = \"company.ru\"",                   "name = \"@company.ru\""),
     14,                                 "domain.name",
     "bad-domain",                                                                                       "write \"company.ru\""},
    {"AliasWithSpace",
     with("tech.company.ru",                                 "tech company.ru"),
     15,                            "domain.aliases",
     "bad-domain",                                                                                                                                         "company.ru"},
    {"RoutePattern",
     with("domains = [\"company.ru\"]",                "domains = [\"*company.ru\"]"),
     18,                                                          "route.domains",
     "bad-domain","\"*.company.ru\""},
    {"DurationWithoutUnit",
     and_then("[retry]\nfirst = \"60\"\n"),
     23,                                                                                 "retry.first",
     "bad-duration",                                                                                           "\"1m\""                              },
    {"DurationAsNumber",
     and_then("[retry]\nfirst = 60\n"),
     23,                                                                                                "retry.first",
     "wrong-type",                                                                                                                   "first = \"30s\""},
    {"DurationWithFraction",
     and_then("[retry]\nfirst = \"1500ms\"\n"),
     23,                  "retry.first",
     "bad-duration",                                                   "whole seconds"                                                                                                                                              },
    {"RetryMaxBelowFirst",
     and_then("[retry]\nfirst = \"2h\"\n"),
     22,                                                             "retry.max",
     "out-of-range",                              "shorter"                                                                                                                                            },
    {"UnknownLogLevel",
     and_then("[log]\nlevel = \"verbose\"\n"),
     23,                                                                 "log.level",
     "bad-value",               "\"debug\""                                                                                                                                              },
    {"NameServerByName",
     and_then("[dns]\nservers = [\"ns.company.ru\"]\n"),
     23,                                                         "dns.servers",
     "bad-address",                                                                                             "10.0.0.53"                                                                                                                                            },
    {"DirectoryWithoutScheme",
     and_then("[recipients]\ndirectory = \"/etc/m.txt\"\n"),
     23,                                                             "recipients.directory",
     "bad-value",                                                    "\"file:/etc/m.txt\""                                                                                                                                            },
    {"AccountsWithoutScheme",
     and_then("[auth]\naccounts = \"/etc/accounts\"\n"),
     23,                                                          "auth.accounts",
     "bad-value",                                                "\"file:/etc/accounts\""                                                                                                                                               },
    {"Delimiter",
     and_then("[recipients]\ndelimiter = \"a\"\n"),
     23,                                                "recipients.delimiter",
     "bad-value",                                                      "\"+\""                                                                                                                                             },
    {"ShortTraceKey",
     and_then("[routing]\ntrace_key = \"secret\"\n"),
     23,                                            "routing.trace_key",
     "bad-value",                                         "16 octets"                                                                                                                                               },
    {"Hostname",                                 with("gw.company.ru",                     "gw company"),                                                1,                                                                                "hostname",                                                   "bad-domain",                                                                                                                                                "company.ru"},
    {"EmptyDataDir",                                 "data_dir = \"\"\n",                                 1,                                                     "data_dir",                                                                                "empty-value",                                                      "/var/lib/postern"                                                                                                                                               },
};
// clang-format on

// clang-format off
const Broken kReferences[] = {
    {"ListenerWithoutName",
     with("name = \"mx\"\n",                           ""),
     2,                                                                                                            "listener",
     "missing-key",                                                                                                                                                                                                                                                                                                                                                                    "name = \"...\""},
    {"ListenerWithoutBind",
     with("bind = \"0.0.0.0:25\"\n",                          ""),
     2,                                                 "listener",
     "missing-key",                                                                                                                                                                                                                                                                                                                    "bind = \"...\""},
    {"EmptyName",         with("name = \"mx\"",                              "name = \"\""),                       3,                                                "listener.name",                                                                                            "empty-value","name"},
    {"NextHopWithoutHosts",
     with("hosts = [\"10.0.0.5:25\"]\n",                           ""),
     5,                                                               "next_hop",
     "missing-key",                                                                                                                                                                                                                                                                                                                "hosts = [\"...\"]"},
    {"DomainWithoutMailboxes",
     with("mailboxes = \"vk\"\n",                                    ""),
     13,                                                                         "domain",
     "missing-key",                                                                                                                                                                                                                                                                                                                                                      "mailboxes"},
    {"RouteWithoutVia",                        with("via = \"exchange\"\n",                                     ""),                                         17,                                                                                   "route",                                                                                                                                                                          "missing-key","via"},
    {"RouteToNobody",
     with("via = \"exchange\"",     "via = \"exchnage\""),
     19,"route.via",
     "unknown-next-hop",                    "write \"exchange\""},
    {"MailboxesNowhere",
     with("mailboxes = \"vk\"","mailboxes = \"workspace\""),
     16,                                                                                                                                                                                "domain.mailboxes",
     "unknown-next-hop",                                                                                                                                                                                                                                                                                                                      "one of \"exchange\", \"vk\""},
    {"FromNobody",
     with("bind =",                        "from = \"exchang\"\nbind ="),
     4,                                                                                                           "listener.from",
     "unknown-next-hop",                                                                                                                                                                                                                                                                                                                                                               "write \"exchange\""},
    {"RedirectNowhere",
     and_then("[recipients]\nunknown_redirect = \"x\"\n"),
     23,                                         "recipients.unknown_redirect",
     "unknown-next-hop",                                                                                                                                                                                                     "\"exchange\""                                                                                                                                                                                                                                                    },
    {"ExternalNowhere",
     and_then("[gateways]\nexternal = [\"vk\", \"dlp\"]\n"),
     23,             "gateways.external",
     "unknown-next-hop",                                                                                                                                                                                                    "\"dlp\""                                                                                                                                                                                                                                                                                                       },
    {"InternalTwice",
     and_then("[gateways]\ninternal = [\"vk\", \"vk\"]\n"),
     23,                   "gateways.internal",
     "duplicate-name",                                                                                                                                                                                                    "line 23"                                                                                                                                                                                                                                                                                                                                             },
    {"NextHopTwice",
     and_then("[[next_hop]]\nname = \"vk\"\nhosts = [\"10.0.9.9\"]\n"),
     23,                          "next_hop.name",
     "duplicate-name",                                                                                                                                                                                                    "line 10"                                                                                                                                                                                                                                                                                                                                       },
    {"ListenerTwice",
     and_then("[[listener]]\nname = \"mx\"\nbind = \"0.0.0.0:26\"\n"),
     23,                           "listener.name",
     "duplicate-name",                                                                                                                                                                                                    "line 3"                                                                                                                                                                                                                                                                                                                                    },
    {"BindTwice",
     and_then("[[listener]]\nname = \"mx2\"\nbind = \"0.0.0.0:25\"\n"),
     24,                          "listener.bind",
     "duplicate-bind",                                                                                                                                                                                                    "line 4"                                                                                                                                                                                                                                                                                                                                   },
    {"DomainTwice",
     and_then("[[domain]]\nname = \"COMPANY.ru.\"\nmailboxes = \"vk\"\n"),
     23,                               "domain.name",
     "duplicate-domain",                                                                                                                                                                                                    "line 14"                                                                                                                                                                                                                                                                                                                                    },
    {"AliasIsADomain",
     and_then("[[domain]]\nname = \"tech.company.ru\"\nmailboxes = \"vk\"\n"),
     23,                             "domain.name",
     "duplicate-domain",                                                                                                                                                                                                    "line 15"                                                                                                                                                                                                                                                                                                                                 },
    {"AliasOfItself",
     with("[\"tech.company.ru\"]",                                     "[\"company.ru\"]"),
     15,                                     "domain.aliases",
     "duplicate-domain",                                                                                                                                                                                                                                                                                                                                    "line 14"},
    {"RouteTwice",
     and_then("[[route]]\ndomains = [\"company.ru\"]\nvia = \"vk\"\n"),
     23,                          "route.domains",
     "duplicate-route",                                                                                                                 "line 18"                                                                                                                                                                                                                                                                                                                                                                              },
    {"UnknownStage",
     and_then("[routing]\nstages = [\"loopguard\"]\n"),
     23,                       "routing.stages",
     "unknown-stage",                                                                                                                                     "\"loop_guard\""                                                                                                                                                                                                                                                                                                                                                                              },
    {"StageTwice",
     and_then("[routing]\nstages = [\"mailboxes\", \"mailboxes\"]\n"),
     23,                        "routing.stages",
     "duplicate-stage",                                                                                                                                                     "twice"                                                                                                                                                                                                                                                                                                                                                                              },
    {"DeliverAsAliasWithout",
     with("aliases = [\"tech.company.ru\"]",                "deliver_as = \"alias\""),
     15,                                                             "domain.deliver_as",
     "no-alias",                                                                                                                                                                                                                                                                                                                                                                               "aliases = [\"tech.company.ru\"]"},
    {"TlsWithoutCertificate",
     with("bind =",                       "tls = \"starttls\"\nbind ="),
     4,                                                         "listener.tls",
     "no-certificate",                                                                                                                                                                                                                                                                                                 "[tls] certificates"},
    {"CertificateWithoutKey",
     and_then("[tls]\ncertificates = [{ cert = \"/c\" }]\n"),
     23,         "tls.certificates",
     "missing-key",                                                                                                                               "key"                                                                                                                                                                                                                                                                                                                                                                   },
};
// clang-format on

std::string case_name(const testing::TestParamInfo<Broken>& info) {
  return std::string(info.param.name);
}
INSTANTIATE_TEST_SUITE_P(Form, BrokenConfig, testing::ValuesIn(kForm), case_name);
INSTANTIATE_TEST_SUITE_P(Value, BrokenConfig, testing::ValuesIn(kValues), case_name);
INSTANTIATE_TEST_SUITE_P(Reference, BrokenConfig, testing::ValuesIn(kReferences), case_name);

TEST(Config, TellsEveryProblemOfAFileAtOnceInOrder) {
  const LoadResult result = parse(
      "hostnam = \"x\"\n[[listener]]\nname = 1\nbind = \"0.0.0.0\"\n[relay]\nallow_without_auth = "
      "[\"1.2.3\", \"::/129\"]\n");
  ASSERT_EQ(result.findings.size(), 5U) << shown(result.findings);
  unsigned before = 0;
  for (const Finding& finding : result.findings) {
    EXPECT_GE(finding.line, before);
    before = finding.line;
  }
}

TEST(Config, WhatAFileSaysStaysOnOneLineOfTheFinding) {
  const LoadResult result =
      parse("[relay]\nallow_without_auth = [\"a\\nb\\u0007\"]\n\"k\\nk\" = 1\n");
  ASSERT_EQ(result.findings.size(), 2U) << shown(result.findings);
  EXPECT_NE(result.findings[0].message.find("\"a\\x0ab\\x07\""), std::string::npos);
  EXPECT_EQ(result.findings[1].key, "relay.k\\x0ak");
}

TEST(Config, NamesTheColumnOfTheValueInAList) {
  const LoadResult result = parse("[relay]\nallow_without_auth = [\"10.0.0.5\", \"10.0.0\"]\n");
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(format_text(result.findings[0]).substr(0, 46),
            "t.toml:2:35: error: relay.allow_without_auth: ");
}

}  // namespace
}  // namespace postern::gateway
