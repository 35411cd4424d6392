// SPDX-License-Identifier: Apache-2.0
#include "routing/config.h"

#include "routing/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::routing {
namespace {

TEST(Config, FindsNextHopsByTheirExactName) {
  Config config;
  config.next_hops.resize(2);
  config.next_hops[1].name = "vk";
  EXPECT_EQ(config.find_next_hop("vk"), &config.next_hops[1]);
  EXPECT_EQ(config.find_next_hop("VK"), nullptr);
}

TEST(Config, TheDefaultStagesAreTheBuiltInOnesInTheRulesOrder) {
  EXPECT_THAT(default_stages(), ::testing::ElementsAreArray(Registry::builtin().names()));
}

TEST(Config, TheDefaultSourcesAreTheHostsThatAreAddresses) {
  const IpSet sources = default_sources({
      HostSpec{"10.0.0.5",        25, false},
      HostSpec{"2001:db8::1",     25, false},
      HostSpec{"mail.company.ru", 25, false},
      HostSpec{"10.0.0.7",        25, true }
  });
  ASSERT_EQ(sources.prefixes().size(), 2U);
  EXPECT_TRUE(sources.contains(*parse_ip("10.0.0.5")));
  EXPECT_TRUE(sources.contains(*parse_ip("2001:db8::1")));
}

TEST(Registry, AStageThatIsAddedAgainTakesThePlaceOfTheFirst) {
  Registry registry = Registry::builtin();
  const std::size_t before = registry.names().size();
  registry.add("dns_mx", [](const StageSources&) { return std::unique_ptr<Stage>(); });
  EXPECT_EQ(registry.names().size(), before);
  EXPECT_EQ(registry.make("dns_mx", StageSources()), nullptr);
  EXPECT_EQ(registry.make("no such stage", StageSources()), nullptr);
}

}  // namespace
}  // namespace postern::routing
