// SPDX-License-Identifier: Apache-2.0
// The rules R1 to R12 and the scenarios S1 to S9 as decisions: who sends, to whom, what happens.
#include "tests/routing/example_config.h"

#include <gtest/gtest.h>

#include <vector>

namespace postern::routing::testing {
namespace {

struct Row {
  std::string_view name;
  Question question;
  std::string_view outcome;
};

void expect_rows(const World& world, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Decision decision = world.decide(row.question);
    EXPECT_EQ(outcome_of(decision), row.outcome) << row.name << "\n" << trace_of(decision);
    ASSERT_FALSE(decision.trace.empty()) << row.name;
    EXPECT_EQ(decision.trace.back().stage, decision.stage) << row.name;
    for (const TraceStep& step : decision.trace) {
      EXPECT_FALSE(step.reason.empty()) << row.name << ": " << step.stage;
      EXPECT_EQ(step.reason.view().find('\n'), std::string_view::npos) << row.name;
    }
  }
}

TEST(Rules, TheExampleRoutesAsTheScenariosSay) {
  const World world;
  expect_rows(
      world,
      {
          {"R1 R6 S7: a stranger to U@D, in V or not",
           {kStranger, "i.ivanov@company.ru"},
           "exchange i.ivanov@company.ru"                                                                                   },
          {"S1: not migrated",                          {kStranger, "p.petrov@company.ru"},   "exchange p.petrov@company.ru"},
          {"S2 R4: X's copy to U@T",
           {kExchange, "i.ivanov@tech.company.ru"},
           "vk i.ivanov@tech.company.ru"                                                                                    },
          {"S3: V to U@D, not migrated",
           {kWorkspace, "p.petrov@company.ru"},
           "exchange p.petrov@company.ru"                                                                                   },
          {"S4: V to U@D, migrated",
           {kWorkspace, "i.ivanov@company.ru"},
           "exchange i.ivanov@company.ru"                                                                                   },
          {"S5 R11: V to E goes by the DLP",            {kWorkspace, "sales@corp.com"},       "dlp sales@corp.com"          },
          {"S6 R7 R4a: X does not know U@D",
           {kExchange, "n.new@company.ru"},
           "vk n.new@tech.company.ru"                                                                                       },
          {"S7 R9: E to U@T unknown in V",
           {kStranger, "p.petrov@tech.company.ru"},
           "exchange p.petrov@company.ru"                                                                                   },
          {"S7 R9: V to U@T unknown in V",
           {kWorkspace, "p.petrov@tech.company.ru"},
           "exchange p.petrov@company.ru"                                                                                   },
          {"S7 R9: X to U@D unknown in V",
           {kExchange, "p.petrov@company.ru"},
           "550 5.1.1 unknown_recipient"                                                                                    },
          {"S7 R9: X to U@T unknown in V",
           {kExchange, "p.petrov@tech.company.ru"},
           "550 5.1.1 unknown_recipient"                                                                                    },
          {"S8 R2: a stranger to E",                    {kStranger, "sales@corp.com"},        "550 5.7.1 relay_access"      },
          {"R5: cut over, from E",
           {kStranger, "v.vetrov@company.ru"},
           "vk v.vetrov@tech.company.ru"                                                                                    },
          {"R5: cut over, from X",
           {kExchange, "v.vetrov@company.ru"},
           "vk v.vetrov@tech.company.ru"                                                                                    },
          {"R5 R7: cut over, from V: back to V as U@T",
           {kWorkspace, "v.vetrov@company.ru"},
           "vk v.vetrov@tech.company.ru"                                                                                    },
          {"R5 R8a: cut over, any case, with a tag",
           {kStranger, "V.Vetrov+bills@COMPANY.ru"},
           "vk V.Vetrov+bills@tech.company.ru"                                                                              },
          {"R7: U@T from V is a loop",
           {kWorkspace, "i.ivanov@tech.company.ru"},
           "554 5.4.6 split_horizon"                                                                                        },
          {"R7: in any case of letters",
           {kWorkspace, "I.Ivanov@Tech.Company.RU"},
           "554 5.4.6 split_horizon"                                                                                        },
          {"R7: known by the second host of V as well",
           {"10.0.1.11", "i.ivanov@tech.company.ru"},
           "554 5.4.6 split_horizon"                                                                                        },
          {"R4 R8a: the case of the alias is kept",
           {kStranger, "I.Ivanov@TECH.company.ru"},
           "vk I.Ivanov@TECH.company.ru"                                                                                    },
          {"R2: an allowed service to E",               {kService, "sales@corp.com"},         "dlp sales@corp.com"          },
          {"R2: IPv6",                                  {"2001:db8:7::25", "sales@corp.com"}, "dlp sales@corp.com"          },
          {"R2: the neighbour of the allowed block",
           {"2001:db8:8::25", "sales@corp.com"},
           "550 5.7.1 relay_access"                                                                                         },
          {"R2: an IPv4-mapped client",
           {"::ffff:10.0.1.77", "sales@corp.com"},
           "dlp sales@corp.com"                                                                                             },
          {"R7a R12: back from the DLP goes by MX",
           {kDlp, "sales@corp.com"},
           "mx:corp.com sales@corp.com"                                                                                     },
          {"R6: back from the DLP for D goes to X",
           {kDlp, "p.petrov@company.ru"},
           "exchange p.petrov@company.ru"                                                                                   },
          {"R8a: a subdomain is not ours",
           {kStranger, "u@sub.company.ru"},
           "550 5.7.1 relay_access"                                                                                         },
          {"R8a: nor a name that ends alike",
           {kStranger, "u@notcompany.ru"},
           "550 5.7.1 relay_access"                                                                                         },
  });
}

TEST(Rules, R7aTheConnectorsListenerCountsAsX) {
  const World world;
  const auto from_x = [](std::string_view client, std::string_view to) {
    return Question{client, to, "nina@corp.com", Role::mx, "exchange", {}};
  };
  expect_rows(world,
              {
                  {"R7a: a balancer's address",
                   from_x("10.0.9.9", "n.new@company.ru"),
                   "vk n.new@tech.company.ru"   },
                  {"R7a: even V's own, shared with a balancer",
                   from_x(kWorkspace, "i.ivanov@tech.company.ru"),
                   "vk i.ivanov@tech.company.ru"},
                  {"R7a: unknown in V",
                   from_x("10.0.9.9", "p.petrov@company.ru"),
                   "550 5.1.1 unknown_recipient"},
                  {"R2: the listener gives no right to relay",
                   from_x(kStranger,  "sales@corp.com"),
                   "550 5.7.1 relay_access"     },
                  {"R7a: X by way of the DLP is not sent to the DLP again",
                   from_x(kDlp,       "sales@corp.com"),
                   "mx:corp.com sales@corp.com" },
  });
}

TEST(Rules, R3ASubmissionListenerWantsAuthentication) {
  const World world;
  const auto submission = [](std::string_view client, std::string_view to, std::string_view user) {
    return Question{client, to, "i.ivanov@company.ru", Role::submission, {}, user};
  };
  expect_rows(world,
              {
                  {"R3: a stranger to D",
                   submission(kStranger, "i.ivanov@company.ru", {}),
                   "530 5.7.0 relay_access"},
                  {"R3: a stranger to E",
                   submission(kStranger, "sales@corp.com",      {}),
                   "530 5.7.0 relay_access"},
                  {"R3: authenticated to E",
                   submission(kStranger, "sales@corp.com",      "i.ivanov"),
                   "dlp sales@corp.com"    },
                  {"R3: from the allowlist",
                   submission(kService,  "sales@corp.com",      {}),
                   "dlp sales@corp.com"    },
  });
}

TEST(Rules, R1AnEmptyConfigRefusesEverything) {
  const World world([](Config& config) {
    config = Config();
    config.routing.stages = default_stages();
    config.routing.trace_key = "key";
  });
  for (const std::string_view client : {kStranger, kExchange, std::string_view("127.0.0.1")}) {
    for (const std::string_view to :
         {"sales@corp.com", "i.ivanov@company.ru", "u@[127.0.0.1]", "u@localhost"}) {
      EXPECT_EQ(world.outcome({client, to}), "550 5.7.1 relay_access") << client << " " << to;
    }
    EXPECT_EQ(world.outcome({client, "Postmaster"}), "550 5.1.1 postmaster");
  }
}

TEST(Rules, R1LeavingStagesOutMakesNoOpenRelay) {
  for (const std::vector<std::string>& stages : std::vector<std::vector<std::string>>{
           {                  },
           {"dns_mx"           },
           {"dns_mx",            "relay_access"},
           {"custom_route",                   "external_gateway", "dns_mx"},
           {"external_gateway"}
  }) {
    const World world([&stages](Config& config) {
      config.routing.stages = stages;
      config.routes.push_back(Route{{"*"}, "exchange"});
    });
    EXPECT_EQ(world.outcome({kStranger, "sales@corp.com"}), "550 5.7.1 relay_access");
    const Question submission{kStranger, "i.ivanov@company.ru", {}, Role::submission, {}, {}};
    EXPECT_EQ(world.outcome(submission), "530 5.7.0 relay_access");
  }
}

TEST(Rules, ARecipientOfOursThatNoStageTakesIsRefused) {
  const World world([](Config& config) {
    config.routing.stages = {"relay_access", "external_gateway", "dns_mx"};
  });
  EXPECT_EQ(world.outcome({kStranger, "i.ivanov@company.ru"}), "550 5.4.4 end_of_stages");
}

TEST(Rules, PostmasterWithoutADomainIsThatOfTheFirstDomain) {
  World world;
  EXPECT_EQ(world.outcome({kStranger, "Postmaster"}), "exchange Postmaster@company.ru");
  EXPECT_EQ(world.outcome({kExchange, "postmaster"}), "550 5.1.1 unknown_recipient");
  world.directory.known.insert("postmaster");
  EXPECT_EQ(world.outcome({kExchange, "postmaster"}), "vk postmaster@tech.company.ru");
}

TEST(Rules, R4DependentAliasesGoTheMainDomainsWay) {
  const World world([](Config& config) { config.routing.independent_aliases = false; });
  expect_rows(world,
              {
                  {"R4: T becomes D, whose route is X",
                   {kStranger, "i.ivanov@tech.company.ru"},
                   "exchange i.ivanov@company.ru"},
                  {"R4 R7: from X, D's route is passed over",
                   {kExchange, "i.ivanov@tech.company.ru"},
                   "vk i.ivanov@tech.company.ru" },
  });
}

TEST(Rules, R4aDeliverAsMain) {
  const World world([](Config& config) { config.domains.front().deliver_as = DeliverAs::main; });
  expect_rows(world,
              {
                  {"R4a: U@T goes to V as U@D",
                   {kExchange, "i.ivanov@tech.company.ru"},
                   "vk i.ivanov@company.ru"                                                                           },
                  {"R4a: U@D stays U@D",                        {kExchange, "n.new@company.ru"}, "vk n.new@company.ru"},
                  {"R7: U@D from V back to V as U@D is a loop",
                   {kWorkspace, "v.vetrov@company.ru"},
                   "554 5.4.6 split_horizon"                                                                          },
  });
}

TEST(Rules, R4aADomainWithoutAnAliasIsMain) {
  const World world([](Config& config) {
    config.domains.front().aliases.clear();
    config.routes.clear();
  });
  EXPECT_EQ(world.outcome({kStranger, "i.ivanov@company.ru"}), "vk i.ivanov@company.ru");
  EXPECT_EQ(world.outcome({kWorkspace, "i.ivanov@company.ru"}), "554 5.4.6 split_horizon");
}

TEST(Rules, R6ExactBeatsTheLongestWildcardWhichBeatsAll) {
  const World world([](Config& config) {
    config.routes = {
        Route{{"*"},             "dlp"     },
        Route{{"*.corp.com"},    "vk"      },
        Route{{"*.eu.corp.com"}, "exchange"},
        Route{{"a.eu.corp.com"}, "dlp"     }
    };
  });
  expect_rows(world,
              {
                  {"R6: *",                                      {kService, "u@other.org"},     "dlp u@other.org"         },
                  {"R6: a wildcard does not cover its own name",
                   {kService, "u@corp.com"},
                   "dlp u@corp.com"                                                                                       },
                  {"R6: below",                                  {kService, "u@us.corp.com"},   "vk u@us.corp.com"        },
                  {"R6: far below",                              {kService, "u@x.us.corp.com"}, "vk u@x.us.corp.com"      },
                  {"R6: the longest",                            {kService, "u@b.EU.corp.com"}, "exchange u@b.EU.corp.com"},
                  {"R6: exact",                                  {kService, "u@a.eu.corp.com"}, "dlp u@a.eu.corp.com"     },
                  {"R6: a literal has no domain above it",
                   {kService, "u@[192.0.2.1]"},
                   "dlp u@[192.0.2.1]"                                                                                    },
  });
}

TEST(Rules, R8ValidationRefusesTheUnknown) {
  World world([](Config& config) { config.recipients.validate = true; });
  expect_rows(world,
              {
                  {"R8: unknown in V",
                   {kStranger, "p.petrov@tech.company.ru"},
                   "550 5.1.1 address_validation"                                                          },
                  {"R8: known, with a tag",
                   {kStranger, "i.ivanov+x@tech.company.ru"},
                   "vk i.ivanov+x@tech.company.ru"                                                         },
                  {"R8: bound for X, so V is not asked",
                   {kStranger, "p.petrov@company.ru"},
                   "exchange p.petrov@company.ru"                                                          },
                  {"R8: elsewhere, not asked",           {kService, "sales@corp.com"}, "dlp sales@corp.com"},
  });
  world.directory.available = false;
  EXPECT_EQ(world.outcome({kStranger, "i.ivanov@tech.company.ru"}), "451 4.4.3 address_validation");
}

TEST(Rules, R9WhileTheDirectoryCannotBeAskedItIsNoGuess) {
  World world;
  world.directory.available = false;
  EXPECT_EQ(world.outcome({kStranger, "i.ivanov@tech.company.ru"}), "451 4.4.3 unknown_recipient");
  EXPECT_EQ(world.outcome({kStranger, "p.petrov@company.ru"}), "exchange p.petrov@company.ru");
}

TEST(Rules, R9WithNoDirectoryEveryoneIsKnown) {
  const World world([](Config& config) {
    config.recipients.directory = "none";
    config.recipients.validate = true;
  });
  EXPECT_EQ(world.outcome({kStranger, "p.petrov@tech.company.ru"}), "vk p.petrov@tech.company.ru");
  EXPECT_EQ(world.outcome({kExchange, "p.petrov@company.ru"}), "vk p.petrov@tech.company.ru");
}

TEST(Rules, ADirectoryThatAnswersLaterGivesTheSameDecisions) {
  World world([](Config& config) { config.recipients.validate = true; });
  world.directory.immediate = false;
  EXPECT_EQ(world.outcome({kStranger, "i.ivanov@tech.company.ru"}), "vk i.ivanov@tech.company.ru");
  EXPECT_EQ(world.outcome({kStranger, "p.petrov@tech.company.ru"}), "550 5.1.1 address_validation");
  World redirecting;
  redirecting.directory.immediate = false;
  EXPECT_EQ(redirecting.outcome({kStranger, "p.petrov@tech.company.ru"}),
            "exchange p.petrov@company.ru");
}

TEST(Rules, R10MailFromVWithinTheSystemGoesByTheInternalGateway) {
  const World world([](Config& config) {
    config.routes.clear();
    config.gateways.internal = {"dlp"};
  });
  expect_rows(
      world,
      {
          {"R10: from V",                     {kWorkspace, "i.ivanov@company.ru"}, "dlp i.ivanov@company.ru"    },
          {"R10 R4a: back from the gateway",
           {kDlp, "i.ivanov@company.ru"},
           "vk i.ivanov@tech.company.ru"                                                                        },
          {"R10: not from V",                 {kStranger, "i.ivanov@company.ru"},  "vk i.ivanov@tech.company.ru"},
          {"R10: bound by the cut-over list",
           {kWorkspace, "v.vetrov@company.ru"},
           "vk v.vetrov@tech.company.ru"                                                                        },
          {"R10: not for other domains",      {kWorkspace, "sales@corp.com"},      "dlp sales@corp.com"         },
  });
}

TEST(Rules, R12WithoutGatewaysMailGoesByMx) {
  const World world([](Config& config) { config.gateways.external.clear(); });
  expect_rows(world,
              {
                  {"R12: MX, named in lower case",
                   {kService, "Sales@Corp.COM"},
                   "mx:corp.com Sales@Corp.COM"                                                               },
                  {"R12: a literal",               {kService, "u@[192.0.2.1]"}, "mx:[192.0.2.1] u@[192.0.2.1]"},
  });
}

TEST(Rules, R5RemovingTheLineRollsTheUserBack) {
  const World world;
  EXPECT_EQ(world.outcome({kStranger, "v.vetrov@company.ru"}), "vk v.vetrov@tech.company.ru");
  world.cutover.replace_by("# nobody\n");
  const World after(
      [&world](Config& config) { config.domains.front().cutover_file = world.cutover.path(); });
  EXPECT_EQ(after.outcome({kStranger, "v.vetrov@company.ru"}), "exchange v.vetrov@company.ru");
}

TEST(Rules, R5AListThatCannotBeReadIsNoEmptyList) {
  const World world(
      [](Config& config) { config.domains.front().cutover_file = "/nonexistent/cutover.txt"; });
  EXPECT_EQ(world.outcome({kStranger, "v.vetrov@company.ru"}), "451 4.4.3 cutover");
  EXPECT_EQ(world.outcome({kStranger, "i.ivanov@tech.company.ru"}), "vk i.ivanov@tech.company.ru");
}

TEST(Rules, SeveralDomainsKeepToThemselves) {
  const World world([](Config& config) {
    Domain second;
    second.name = "branch.ru";
    second.mailboxes = "vk";
    config.domains.push_back(second);
  });
  expect_rows(world,
              {
                  {"R8a: D's cut-over list is D's",
                   {kStranger, "v.vetrov@branch.ru"},
                   "vk v.vetrov@branch.ru"       },
                  {"R1: D stays as it was",
                   {kStranger, "p.petrov@company.ru"},
                   "exchange p.petrov@company.ru"},
  });
}

}  // namespace
}  // namespace postern::routing::testing
