// SPDX-License-Identifier: Apache-2.0
#include "config_support.h"
#include "gateway/resolve_sources.h"
#include "gateway/snapshot.h"
#include "tests/dns/zone_resolver.h"

#include <gmock/gmock.h>

namespace postern::gateway {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> sources_of(const Config& config, std::string_view name) {
  std::vector<std::string> out;
  for (const IpPrefix& prefix : config.routing.find_next_hop(name)->sources.prefixes()) {
    out.push_back(prefix.str());
  }
  return out;
}

Config config_with_hosts(std::string_view hosts) {
  const std::string text = replaced(kSmall, "[\"10.0.0.5:25\"]", hosts);
  LoadResult loaded = parse_config(text, "test.toml", Environment{});
  EXPECT_TRUE(loaded.config.has_value());
  return std::move(loaded.config).value();
}

TEST(ResolveSources, TakesWhatNamesResolveToBesideTheAddressesR7) {
  Config config = config_with_hosts("[\"10.0.0.5:25\", \"ex.company.ru\", \"mx:old.company.ru\"]");
  net::IoContext context(1);
  test::ZoneResolver zone(
      "ex.company.ru. A 10.0.0.6\nold.company.ru. MX 10 mail.company.ru.\n"
      "mail.company.ru. A 10.0.0.7\n");
  EXPECT_TRUE(resolve_sources(config, {}, zone, context).empty());
  EXPECT_THAT(sources_of(config, "exchange"), ElementsAre("10.0.0.5", "10.0.0.6", "10.0.0.7"));
}

TEST(ResolveSources, SaysWhichNameIsNotKnownAndKeepsTheRest) {
  Config config = config_with_hosts("[\"10.0.0.5:25\", \"gone.company.ru\"]");
  net::IoContext context(1);
  test::ZoneResolver zone("gone.company.ru. SERVFAIL\n");
  const std::vector<Finding> findings = resolve_sources(config, {}, zone, context);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "source-not-resolved");
  EXPECT_EQ(findings[0].severity, Severity::warning);
  EXPECT_EQ(findings[0].line, 7U);
  EXPECT_THAT(findings[0].message, HasSubstr("gone.company.ru"));
  EXPECT_THAT(sources_of(config, "exchange"), ElementsAre("10.0.0.5"));
}

TEST(ResolveSources, AsksNothingForNextHopsWithAddressesOrSources) {
  Config config = config_with_hosts("[\"ex.company.ru\"]\nsources = [\"10.0.0.0/28\"]");
  net::IoContext context(1);
  test::ZoneResolver zone("");
  EXPECT_TRUE(resolve_sources(config, {}, zone, context).empty());
  EXPECT_TRUE(zone.asked().empty());
  EXPECT_THAT(sources_of(config, "exchange"), ElementsAre("10.0.0.0/28"));
}

/// A DNS that says nothing.
class SilentResolver final : public dns::Resolver {
 public:
  explicit SilentResolver(const net::Executor& executor) : never_(executor) {
    never_.expires_at(net::TimePoint::max());
  }
  net::Awaitable<dns::MxAnswer> mx(std::string) override {
    co_await never_.async_wait(net::as_result);
    co_return dns::MxAnswer{};
  }
  net::Awaitable<dns::AddressAnswer> addresses(std::string) override {
    co_await never_.async_wait(net::as_result);
    co_return dns::AddressAnswer{};
  }

 private:
  net::Timer never_;
};

TEST(ResolveSources, KeepsTheSourcesOfBeforeWhileDnsIsSilentR7) {
  Config before = config_with_hosts("[\"ex.company.ru\"]");
  net::IoContext context(1);
  test::ZoneResolver zone("ex.company.ru. A 10.0.0.6\n");
  EXPECT_TRUE(resolve_sources(before, {}, zone, context).empty());

  Config config = config_with_hosts("[\"ex.company.ru\", \"10.0.0.9\"]");
  SilentResolver silent(context.get_executor());
  SourceQuery query;
  query.wait = std::chrono::milliseconds(1);
  query.before = &before;
  const std::vector<Finding> findings = resolve_sources(config, query, silent, context);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0].message, HasSubstr("has not answered in time"));
  EXPECT_THAT(findings[0].message, HasSubstr("goes on to count"));
  EXPECT_THAT(sources_of(config, "exchange"), ElementsAre("10.0.0.9", "10.0.0.6"));
}

TEST(ResolveSources, EndsItsWaitWhenItIsAskedToStop) {
  Config config = config_with_hosts("[\"ex.company.ru\"]");
  net::IoContext context(1);
  SilentResolver silent(context.get_executor());
  std::stop_source stop;
  SourceQuery query;
  query.wait = std::chrono::hours(1);
  query.stop = stop.get_token();
  stop.request_stop();
  EXPECT_EQ(resolve_sources(config, query, silent, context).size(), 1U);
}

}  // namespace
}  // namespace postern::gateway
