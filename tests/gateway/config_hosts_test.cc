// SPDX-License-Identifier: Apache-2.0
// next_hop.hosts as texts and as tables, and what is wrong with either.
#include "config_support.h"
#include "gateway/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// kSmall with this in place of the hosts of "exchange", on line 7.
LoadResult with_hosts(std::string_view hosts) {
  return parse(replaced(kSmall, "[\"10.0.0.5:25\"]", hosts));
}

const routing::NextHop& exchange(const LoadResult& loaded) {
  return *loaded.config->routing.find_next_hop("exchange");
}

/// The one finding, as "severity code key".
std::string finding_of(std::string_view hosts) {
  const LoadResult loaded = with_hosts(hosts);
  if (loaded.findings.size() != 1) return shown(loaded.findings);
  const Finding& one = loaded.findings[0];
  EXPECT_EQ(one.line, 7U);
  return std::string(one.severity == Severity::error ? "error " : "warning ") + one.code + " " +
         one.key + ": " + one.message;
}

TEST(ConfigHosts, HaveTheirOrderWhereTheyAreTexts) {
  const LoadResult loaded = with_hosts(R"(["b:26", "mx:a.ru", "10.0.0.5"])");
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  EXPECT_FALSE(exchange(loaded).weighted);
  EXPECT_EQ(exchange(loaded).hosts[0].str(), "b:26");
  EXPECT_EQ(exchange(loaded).hosts[2].str(), "10.0.0.5:25");
}

TEST(ConfigHosts, HavePrioritiesAndWeightsWhereTheyAreTables) {
  const LoadResult loaded =
      with_hosts(R"([{ host = "10.0.0.5", priority = 10, weight = 65535 }, { host = "mx:a.ru" }])");
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  const routing::NextHop& hop = exchange(loaded);
  EXPECT_TRUE(hop.weighted);
  ASSERT_EQ(hop.hosts.size(), 2U);
  EXPECT_EQ(hop.hosts[0].priority, 10);
  EXPECT_EQ(hop.hosts[0].weight, 65535);
  EXPECT_TRUE(hop.hosts[1].mx);
  EXPECT_EQ(hop.hosts[1].priority, 0);
  EXPECT_EQ(hop.hosts[1].weight, 1);
}

TEST(ConfigHosts, AreSourcesAsTablesTooR7) {
  const LoadResult loaded =
      with_hosts(R"([{ host = "10.0.0.5" }, { host = "10.0.0.6:26", priority = 5 }])");
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  EXPECT_TRUE(exchange(loaded).sources.contains(*parse_ip("10.0.0.6")));
  EXPECT_TRUE(loaded.config->unresolved_sources.empty());
  const LoadResult named = with_hosts(R"([{ host = "ex.company.ru" }])");
  ASSERT_TRUE(named.config) << shown(named.findings);
  EXPECT_THAT(named.config->unresolved_sources, ElementsAre("exchange"));
}

TEST(ConfigHosts, AreAllOfOneKind) {
  EXPECT_THAT(finding_of(R"(["a", { host = "b" }])"),
              HasSubstr("error mixed-hosts next_hop.hosts.host: hosts are all texts, tried in "
                        "order, or all tables; write the others as { host = \"a:25\""));
  EXPECT_THAT(finding_of(R"([{ host = "b" }, "a"])"),
              HasSubstr("error mixed-hosts next_hop.hosts: hosts are all texts, tried in order, or "
                        "all tables; write { host = \"a\", priority"));
}

TEST(ConfigHosts, SayWhatIsWrongWithATable) {
  EXPECT_THAT(finding_of(R"([{ host = "a", weight = 65536 }])"),
              HasSubstr("error out-of-range next_hop.hosts.weight: 65536 is out of range; write a "
                        "number from 0 to 65535"));
  EXPECT_THAT(finding_of(R"([{ host = "a", priority = -1 }])"),
              HasSubstr("error out-of-range next_hop.hosts.priority"));
  EXPECT_THAT(finding_of(R"([{ host = "a", weight = "5" }])"),
              HasSubstr("error wrong-type next_hop.hosts.weight"));
  EXPECT_THAT(finding_of(R"([{ host = "a", weigth = 5 }])"),
              HasSubstr("error unknown-key next_hop.hosts.weigth: there is no such key; write "
                        "\"weight\" instead"));
  EXPECT_THAT(finding_of(R"([{ host = "10.0.0.5:x" }])"),
              HasSubstr("error bad-host next_hop.hosts.host"));
  EXPECT_THAT(finding_of(R"([{ weight = 5 }])"), HasSubstr("error missing-key next_hop.hosts"));
  EXPECT_THAT(finding_of("[5]"), HasSubstr("error wrong-type next_hop.hosts"));
}

TEST(ConfigHosts, AreThereOnce) {
  EXPECT_THAT(finding_of(R"([{ host = "a" }, { host = "a:25", weight = 3 }])"),
              HasSubstr("error duplicate-host next_hop.hosts.host: a:25 is listed twice"));
  EXPECT_THAT(finding_of(R"(["a", "b", "a:25"])"),
              HasSubstr("warning duplicate-host next_hop.hosts: a:25 is listed twice"));
  EXPECT_THAT(finding_of(R"([{ host = "a" }, { host = "a:26" }, { host = "mx:a" }])"), "");
}

TEST(ConfigHosts, AreProbedInWholeSeconds) {
  const LoadResult wrong = with_hosts("[\"10.0.0.5\"]\nprobe = \"500ms\"");
  ASSERT_EQ(wrong.findings.size(), 1U);
  EXPECT_EQ(wrong.findings[0].line, 8U);
  EXPECT_EQ(wrong.findings[0].key, "next_hop.probe");
  EXPECT_THAT(wrong.findings[0].message, HasSubstr("write whole seconds"));
  const LoadResult off = with_hosts("[\"10.0.0.5\"]\nprobe = \"0s\"");
  ASSERT_TRUE(off.config) << shown(off.findings);
  EXPECT_EQ(exchange(off).probe.count(), 0);
}

TEST(ConfigHosts, AreSeenByCheckAsTablesToo) {
  const LoadResult loaded =
      with_hosts(R"([{ host = "10.0.0.5" }, { host = "127.0.0.1:25", priority = 9 }])");
  ASSERT_TRUE(loaded.config) << shown(loaded.findings);
  std::string said;
  for (const Finding& finding : check(*loaded.config)) {
    if (finding.code == "loop") said = format_text(finding);
  }
  EXPECT_THAT(said, HasSubstr("127.0.0.1:25 is postern's own listener"));
  EXPECT_THAT(said, HasSubstr("t.toml:7:"));
}

}  // namespace
}  // namespace postern::gateway
