// SPDX-License-Identifier: Apache-2.0
// R2: the classic ways round a relay check, from a stranger, with the example's config. Each path
// is parsed as the server parses it, then decided.
#include "smtp/address.h"
#include "tests/routing/example_config.h"

#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

constexpr std::string_view kSyntax = "syntax";

struct Trick {
  std::string_view name;
  std::string_view path;
  std::string_view outcome;  ///< kSyntax: the parser refuses it already
};

// "syntax or ..." rows are not there: each trick has one outcome.
const Trick kTricks[] = {
    {"plain",                          "<relay@corp.com>",                               "550 5.7.1 relay_access"},
    {"percent hack",                   "<relay%corp.com@company.ru>",                    "550 5.7.1 relay_access"},
    {"percent hack at the alias",      "<relay%corp.com@tech.company.ru>",               "550 5.7.1 relay_access"},
    {"double percent hack",            "<relay%corp.com%company.ru@company.ru>",         "550 5.7.1 relay_access"},
    {"percent hack at a literal",      "<relay%corp.com@[127.0.0.1]>",                   "550 5.7.1 relay_access"},
    {"quoted at sign",                 "<\"relay@corp.com\"@company.ru>",                "550 5.7.1 relay_access"},
    {"quoted at sign at a literal",    "<\"relay@corp.com\"@[10.0.0.5]>",                "550 5.7.1 relay_access"},
    {"escaped at sign",                "<\"relay\\@corp.com\"@company.ru>",              "550 5.7.1 relay_access"},
    {"quoted percent",                 "<\"relay%corp.com\"@company.ru>",                "550 5.7.1 relay_access"},
    {"bang path",                      "<corp.com!relay@company.ru>",                    "550 5.7.1 relay_access"},
    {"bang path through us",           "<company.ru!corp.com!relay@company.ru>",         "550 5.7.1 relay_access"},
    {"bang path at a literal",         "<corp.com!relay@[127.0.0.1]>",                   "550 5.7.1 relay_access"},
    {"bang and percent",               "<corp.com!relay%corp.org@company.ru>",           "550 5.7.1 relay_access"},
    {"source route through D",         "<@company.ru:relay@corp.com>",                   "550 5.7.1 relay_access"},
    {"source route through T and D",
     "<@tech.company.ru,@company.ru:relay@corp.com>",                                    "550 5.7.1 relay_access"},
    {"source route through a literal", "<@[127.0.0.1]:relay@corp.com>",                  "550 5.7.1 relay_access"},
    {"source route with percent",
     "<@company.ru:relay%corp.com@company.ru>",                                          "550 5.7.1 relay_access"},
    {"address literal",                "<relay@[127.0.0.1]>",                            "550 5.7.1 relay_access"},
    {"X's address literal",            "<i.ivanov@[10.0.0.5]>",                          "550 5.7.1 relay_access"},
    {"IPv6 literal",                   "<relay@[IPv6:::1]>",                             "550 5.7.1 relay_access"},
    {"subdomain of ours",              "<relay@corp.com.company.ru>",                    "550 5.7.1 relay_access"},
    {"ours as a subdomain",            "<relay@company.ru.corp.com>",                    "550 5.7.1 relay_access"},
    {"localhost",                      "<relay@localhost>",                              "550 5.7.1 relay_access"},
    {"two at signs",                   "<relay@corp.com@company.ru>",                    kSyntax                 },
    {"bang path without a domain",     "<corp.com!relay>",                               kSyntax                 },
    {"percent without a domain",       "<relay%corp.com>",                               kSyntax                 },
    {"quoted without a domain",        "<\"relay@corp.com\">",                           kSyntax                 },
    {"null byte in the domain",        std::string_view("<relay@corp.com\0.company.ru>", 29),                      kSyntax},
    {"two paths",                                "<relay@corp.com>,<i.ivanov@company.ru>",                                                                      "rest"                      },
 // In truth mailboxes of ours, and never anything else: V is asked, and X gets what V lacks.
    {"quoted mailbox",                                "<\"i.ivanov\"@tech.company.ru>",                                                                 "vk \"i.ivanov\"@tech.company.ru"   },
    {"source route to ours is dropped",
     "<@corp.com:i.ivanov@tech.company.ru>",                                                "vk i.ivanov@tech.company.ru"                                                                      },
};

TEST(OpenRelay, EveryClassicTrickIsRefusedOrStaysAtHome) {
  const World world;
  for (const Trick& trick : kTricks) {
    const Result<smtp::ParsedPath> parsed = smtp::parse_path(trick.path, false);
    if (trick.outcome == kSyntax) {
      EXPECT_FALSE(parsed) << trick.name;
      continue;
    }
    ASSERT_TRUE(parsed) << trick.name << ": " << parsed.error().message();
    if (trick.outcome == "rest") {
      EXPECT_FALSE(parsed->rest.empty()) << trick.name;  // the command parser refuses it
      continue;
    }
    Request request;
    request.client = *parse_ip(kStranger);
    request.recipient = smtp::Mailbox(parsed->path);
    const std::optional<Decision> decision = world.pipeline().decide_now(request);
    ASSERT_TRUE(decision) << trick.name;
    EXPECT_EQ(outcome_of(*decision), trick.outcome) << trick.name << "\n" << trace_of(*decision);
  }
  EXPECT_GE(std::size(kTricks), 25U);
}

TEST(OpenRelay, ASenderOfOursOpensNoWay) {
  const World world;
  for (const std::string_view sender : {"i.ivanov@company.ru", "root@gw.company.ru", ""}) {
    EXPECT_EQ(world.outcome({kStranger, "relay@corp.com", sender}), "550 5.7.1 relay_access");
  }
}

TEST(OpenRelay, WhoMayRelaySendsSuchAddressesAsTheyAre) {
  const World world;
  EXPECT_EQ(world.outcome({kService, "relay%corp.com@company.ru"}),
            "exchange relay%corp.com@company.ru");
  EXPECT_EQ(world.outcome({kService, "corp.com!relay@corp.org"}), "dlp corp.com!relay@corp.org");
}

}  // namespace
}  // namespace postern::routing::testing
