// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace postern::queue {
namespace {

using routing::HostSpec;
using ::testing::ElementsAre;

HostSpec host(const std::string& name, unsigned priority, unsigned weight) {
  HostSpec out;
  out.host = name;
  out.priority = static_cast<std::uint16_t>(priority);
  out.weight = static_cast<std::uint16_t>(weight);
  return out;
}

/// Draws what a test says, and notes from what.
struct Script {
  std::vector<std::uint64_t> draws;
  std::vector<std::uint64_t> asked{};
  std::uint64_t operator()(std::uint64_t most) {
    asked.push_back(most);
    return draws.at(asked.size() - 1);
  }
};

std::vector<std::string> names(const std::vector<HostSpec>& hosts, const Draw& draw) {
  std::vector<std::string> out;
  for (const HostSpec* one : in_order(hosts, draw))
    out.push_back(one->host);
  return out;
}

TEST(HopOrder, IsByPriorityAndDrawsNothingForIt) {
  const std::vector<HostSpec> hosts = {host("c", 30, 9), host("a", 10, 0), host("b", 20, 1)};
  Script script{{}};
  EXPECT_THAT(names(hosts, std::ref(script)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(script.asked, ElementsAre());
  EXPECT_TRUE(in_order({}, std::ref(script)).empty());
}

TEST(HopOrder, TakesTheFirstWhoseRunningSumReachesWhatWasDrawnRfc2782) {
  const std::vector<HostSpec> hosts = {host("a", 1, 1), host("b", 1, 3), host("c", 1, 6)};
  // Sums 1, 4, 10: 5 is c's; of a and b (1, 4) 1 is a's; b is left.
  Script script{
      {5, 1}
  };
  EXPECT_THAT(names(hosts, std::ref(script)), ElementsAre("c", "a", "b"));
  EXPECT_THAT(script.asked, ElementsAre(10, 4));
  Script edge{
      {4, 7}
  };
  EXPECT_THAT(names(hosts, std::ref(edge)), ElementsAre("b", "c", "a"));
  EXPECT_THAT(edge.asked, ElementsAre(10, 7));
}

TEST(HopOrder, GivesAWeightOfZeroNothingButADrawnZero) {
  const std::vector<HostSpec> hosts = {host("a", 1, 10), host("never", 1, 0)};
  Script one{{1}};
  EXPECT_THAT(names(hosts, std::ref(one)), ElementsAre("a", "never"));
  EXPECT_THAT(one.asked, ElementsAre(10));
  Script zero{{0}};
  EXPECT_THAT(names(hosts, std::ref(zero)), ElementsAre("never", "a"));
}

TEST(HopOrder, ShufflesThoseOfWeightZero) {
  const std::vector<HostSpec> hosts = {host("a", 1, 0), host("b", 1, 0), host("c", 1, 0)};
  std::map<std::vector<std::string>, int> seen;
  std::mt19937 random(7);
  const Draw draw = [&](std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(0, most)(random);
  };
  for (int i = 0; i < 6000; ++i)
    ++seen[names(hosts, draw)];
  EXPECT_EQ(seen.size(), 6U);
  for (const auto& [order, count] : seen)
    EXPECT_NEAR(count, 1000, 150);
}

TEST(HopOrder, MakesEachFirstAsOftenAsItsWeightSays) {
  const std::vector<HostSpec> hosts = {
      host("a", 1, 1), host("b", 1, 3), host("c", 1, 6), host("rare", 1, 0), host("last", 2, 60)};
  std::map<std::string, int> first;
  std::map<std::string, int> second_behind_c;
  std::mt19937 random(42);
  const Draw draw = [&](std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(0, most)(random);
  };
  constexpr int kTimes = 22'000;
  int behind_c = 0;
  for (int i = 0; i < kTimes; ++i) {
    const std::vector<std::string> order = names(hosts, draw);
    ASSERT_EQ(order.back(), "last");
    ++first[order[0]];
    if (order[0] != "c") continue;
    ++second_behind_c[order[1]];
    ++behind_c;
  }
  // 0 to 10 are eleven numbers: one of them is the zero's.
  EXPECT_NEAR(first["rare"], kTimes * 1 / 11, 300);
  EXPECT_NEAR(first["a"], kTimes * 1 / 11, 300);
  EXPECT_NEAR(first["b"], kTimes * 3 / 11, 400);
  EXPECT_NEAR(first["c"], kTimes * 6 / 11, 400);
  EXPECT_NEAR(second_behind_c["b"], behind_c * 3 / 5, 300);
  EXPECT_NEAR(second_behind_c["a"], behind_c * 1 / 5, 300);
}

TEST(HopOrder, CountsTheHostsThatShareTheMail) {
  routing::NextHop hop;
  EXPECT_EQ(hosts_at_a_time(hop), 1U);
  hop.hosts = {host("a", 1, 1), host("b", 2, 1), host("c", 2, 0), host("d", 3, 1)};
  EXPECT_EQ(hosts_at_a_time(hop), 4U);
  hop.weighted = true;
  EXPECT_EQ(hosts_at_a_time(hop), 2U);
}

}  // namespace
}  // namespace postern::queue
