// SPDX-License-Identifier: Apache-2.0
// R7 and R7a: mail never goes back where it came from under the address that it came with.
#include "tests/routing/example_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

using ::testing::HasSubstr;

const TraceStep* step_of(const Decision& decision, std::string_view stage) {
  for (const TraceStep& step : decision.trace) {
    if (step.stage == stage) return &step;
  }
  return nullptr;
}

TEST(SplitHorizon, TheTraceSaysWhichRouteWasPassedOverAndWhy) {
  const World world;
  const Decision decision = world.decide({kExchange, "n.new@company.ru"});
  const TraceStep* step = step_of(decision, "custom_route");
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->verdict, "pass");
  EXPECT_EQ(step->reason.view(),
            "domain company.ru has the route via exchange, but the mail comes from exchange (R7): "
            "passed over");
}

TEST(SplitHorizon, EveryRouteBackMeans546) {
  const World world;
  const Decision decision = world.decide({kWorkspace, "i.ivanov@tech.company.ru"});
  EXPECT_EQ(decision.reply.line().substr(0, 9), "554 5.4.6");
  EXPECT_EQ(decision.stage, "split_horizon");
}

TEST(SplitHorizon, SeveralOriginsAreAllAvoided) {
  const World world([](Config& config) {
    config.next_hops[1].sources = config.next_hops[0].sources;  // X and V behind one address
  });
  EXPECT_EQ(world.outcome({kExchange, "p.petrov@company.ru"}), "550 5.1.1 unknown_recipient");
  EXPECT_EQ(world.outcome({kExchange, "i.ivanov@tech.company.ru"}), "554 5.4.6 split_horizon");
  EXPECT_EQ(world.outcome({kExchange, "i.ivanov@company.ru"}), "vk i.ivanov@tech.company.ru");
}

TEST(SplitHorizon, OriginsAreTakenOutOfAListOfGateways) {
  const World world([](Config& config) { config.gateways.external = {"exchange", "dlp"}; });
  const Decision decision = world.decide({kExchange, "sales@corp.com"});
  EXPECT_EQ(outcome_of(decision), "dlp sales@corp.com");
  EXPECT_EQ(decision.target.hops.size(), 1U);
  EXPECT_THAT(std::string(decision.reason()), HasSubstr("not to exchange"));
}

TEST(SplitHorizon, R7aTwoHostsOfADlpDoNotHandMailToEachOther) {
  const World world([](Config& config) {
    NextHop second = config.next_hops[2];
    second.name = "dlp2";
    second.hosts = {
        HostSpec{"10.0.2.21", 25, false}
    };
    second.sources = default_sources(second.hosts);
    config.next_hops.push_back(second);
    config.gateways.external = {"dlp", "dlp2"};
  });
  EXPECT_EQ(world.outcome({kDlp, "sales@corp.com"}), "mx:corp.com sales@corp.com");
}

TEST(SplitHorizon, XAsTheGatewayForTheOutsideSendsItsOwnMailByMx) {
  const World world([](Config& config) { config.gateways.external = {"exchange"}; });
  EXPECT_EQ(world.outcome({kWorkspace, "sales@corp.com"}), "exchange sales@corp.com");
  EXPECT_EQ(world.outcome({kExchange, "sales@corp.com"}), "mx:corp.com sales@corp.com");
}

TEST(SplitHorizon, PassedOverWithNothingElseIs546AlsoForOtherDomains) {
  const World world([](Config& config) {
    config.gateways.external = {"exchange"};
    config.routing.stages = {"relay_access", "external_gateway"};
  });
  EXPECT_EQ(world.outcome({kExchange, "sales@corp.com"}), "554 5.4.6 split_horizon");
}

TEST(SplitHorizon, SourcesReplaceTheHostsOfANextHop) {
  const World world([](Config& config) {
    config.next_hops[0].sources = IpSet({*IpPrefix::parse("10.0.0.16/28")});
  });
  EXPECT_EQ(world.outcome({"10.0.0.20", "n.new@company.ru"}), "vk n.new@tech.company.ru");
  EXPECT_EQ(world.outcome({kExchange, "n.new@company.ru"}), "exchange n.new@company.ru");
}

TEST(SplitHorizon, SourcesThatAreNotSetAreTheHosts) {
  const World world([](Config& config) {
    for (NextHop& hop : config.next_hops)
      hop.sources = IpSet();
  });
  EXPECT_EQ(world.outcome({kExchange, "n.new@company.ru"}), "vk n.new@tech.company.ru");
}

TEST(SplitHorizon, LocalPartsAreComparedAsTheConfigSays) {
  const auto main_only = [](bool case_sensitive) {
    return [case_sensitive](Config& config) {
      config.domains.front().deliver_as = DeliverAs::main;
      config.recipients.case_sensitive = case_sensitive;
      config.recipients.directory = "none";
      config.routes.clear();
    };
  };
  // Quotes do not make another address (RFC 5321 4.1.2).
  const World world(main_only(false));
  EXPECT_EQ(world.outcome({kWorkspace, "\"I.Ivanov\"@company.ru"}), "554 5.4.6 split_horizon");
  const World exact(main_only(true));
  EXPECT_EQ(exact.outcome({kWorkspace, "I.Ivanov@company.ru"}), "554 5.4.6 split_horizon");
}

}  // namespace
}  // namespace postern::routing::testing
