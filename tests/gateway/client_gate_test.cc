// SPDX-License-Identifier: Apache-2.0
#include "gateway/client_gate.h"

#include "base/metrics.h"
#include "smtp/replies.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace postern::gateway {
namespace {

using namespace std::chrono_literals;

auth::GuardClock::time_point now_of_test{std::chrono::hours(1)};
auth::GuardClock::time_point clock_of_test() {
  return now_of_test;
}

const IpAddress kStranger = *parse_ip("192.0.2.7");
const IpAddress kOther = *parse_ip("192.0.2.8");
const IpAddress kVk = *parse_ip("10.0.1.10");

Config limited() {
  Config config;
  config.limits.clients.connections = {2, 60s};
  config.limits.clients.messages = {2, 60s};
  config.limits.clients.recipients = {3, 60s};
  config.routing.allow_without_auth = IpSet({*IpPrefix::parse("10.0.1.0/24")});
  return config;
}

class ClientGateTest : public testing::Test {
 protected:
  smtp::Reply enter(const Config& config, const IpAddress& client, bool is_balancer = false) {
    tickets_.emplace_back();
    return gate_.enter(config, "mx", client, is_balancer, tickets_.back());
  }

  ClientGate gate_{clock_of_test};
  std::vector<Admission::Ticket> tickets_;
};

TEST_F(ClientGateTest, EachClientHasItsOwnRates) {
  const Config config = limited();
  EXPECT_EQ(enter(config, kStranger).code(), 0);
  EXPECT_EQ(enter(config, kStranger).code(), 0);
  EXPECT_EQ(enter(config, kStranger), smtp::replies::too_many_connections());
  EXPECT_EQ(enter(config, kOther).code(), 0);
  EXPECT_EQ(gate_.message(config, kStranger).code(), 0);
  EXPECT_EQ(gate_.message(config, kStranger).code(), 0);
  EXPECT_EQ(gate_.message(config, kStranger), smtp::replies::too_many_messages_of_client());
  EXPECT_EQ(gate_.message(config, kOther).code(), 0);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(gate_.recipient(config, kStranger).code(), 0);
  EXPECT_EQ(gate_.recipient(config, kStranger), smtp::replies::too_many_recipients_of_client());
  now_of_test += 3min;
  EXPECT_EQ(enter(config, kStranger).code(), 0);
  EXPECT_EQ(gate_.message(config, kStranger).code(), 0);
  EXPECT_EQ(gate_.recipient(config, kStranger).code(), 0);
}

TEST_F(ClientGateTest, ServersOfOursAreNotLimitedUnlessItIsSaid) {
  Config config = limited();
  config.limits.sessions_per_client = 1;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(enter(config, kVk).code(), 0);
    EXPECT_EQ(gate_.message(config, kVk).code(), 0);
    EXPECT_EQ(gate_.recipient(config, kVk).code(), 0);
  }
  config.limits.clients.exempt = IpSet();
  EXPECT_EQ(enter(config, kVk), smtp::replies::too_many_from_client());
  routing::NextHop hop;
  hop.sources = IpSet({*IpPrefix::parse("192.0.2.7")});
  config.limits.clients.exempt.reset();
  config.routing.next_hops = {hop};
  EXPECT_TRUE(is_exempt(config, kStranger));
  EXPECT_FALSE(is_exempt(config, kOther));
}

TEST_F(ClientGateTest, ASessionOfABalancerCountsForTheClientThatItTurnsOutToBe) {
  Config config = limited();
  config.limits.sessions_per_client = 1;
  const IpAddress balancer = *parse_ip("10.9.9.9");
  EXPECT_EQ(enter(config, balancer, true).code(), 0);
  EXPECT_EQ(enter(config, balancer, true).code(), 0);
  EXPECT_EQ(gate_.move(config, "mx", kStranger, tickets_[0]).code(), 0);
  EXPECT_EQ(gate_.move(config, "mx", kStranger, tickets_[1]),
            smtp::replies::too_many_from_client());
  EXPECT_EQ(gate_.sessions(), 2U);
  tickets_.pop_back();
  EXPECT_EQ(gate_.sessions(), 1U);
  tickets_.clear();
  EXPECT_EQ(gate_.sessions(), 0U);
}

TEST_F(ClientGateTest, APrefixIsOneClient) {
  Config config = limited();
  config.limits.clients.prefix_v4 = 24;
  EXPECT_EQ(gate_.message(config, kStranger).code(), 0);
  EXPECT_EQ(gate_.message(config, kOther).code(), 0);
  EXPECT_EQ(gate_.message(config, *parse_ip("192.0.2.200")).code(), 450);
  EXPECT_EQ(gate_.message(config, *parse_ip("192.0.3.1")).code(), 0);
  config.limits.clients.prefix_v6 = 64;
  EXPECT_EQ(gate_.message(config, *parse_ip("2001:db8::1:0:0:1")).code(), 0);
  EXPECT_EQ(gate_.message(config, *parse_ip("2001:db8::2:0:0:1")).code(), 0);
  EXPECT_EQ(gate_.message(config, *parse_ip("2001:db8::3:0:0:1")).code(), 450);
  EXPECT_EQ(gate_.message(config, *parse_ip("2001:db8:0:1::1")).code(), 0);
  EXPECT_EQ(prefix_of(kStranger, 32, 64), kStranger);
  EXPECT_EQ(prefix_of(kStranger, 27, 64), *parse_ip("192.0.2.0"));
  EXPECT_EQ(prefix_of(*parse_ip("2001:db8::ffff"), 32, 124), *parse_ip("2001:db8::fff0"));
}

TEST_F(ClientGateTest, HostsThatShareANetworkOfIpv6AreNotOneClientUnlessItIsSaid) {
  Config config = limited();
  config.limits.sessions_per_client = 1;
  EXPECT_EQ(enter(config, *parse_ip("2001:db8::1")).code(), 0);
  EXPECT_EQ(enter(config, *parse_ip("2001:db8::2")).code(), 0);
  EXPECT_EQ(enter(config, *parse_ip("2001:db8::2")), smtp::replies::too_many_from_client());
}

TEST_F(ClientGateTest, RefusalsAreCounted) {
  const Config config = limited();
  metrics::Counter& limited_messages = metrics::counter("postern_limited_total", {"messages"});
  const std::uint64_t before = limited_messages.value();
  for (int i = 0; i < 5; ++i)
    gate_.message(config, kStranger);
  EXPECT_EQ(limited_messages.value(), before + 3);
}

TEST(ClientCounters, TellsOfARefusalOnceAMinute) {
  ClientCounters counters(clock_of_test);
  EXPECT_TRUE(counters.refused(ClientLimit::messages, kStranger).tell);
  for (int i = 0; i < 4; ++i)
    EXPECT_FALSE(counters.refused(ClientLimit::messages, kStranger).tell);
  EXPECT_TRUE(counters.refused(ClientLimit::messages, kOther).tell);
  EXPECT_TRUE(counters.refused(ClientLimit::recipients, kStranger).tell);
  now_of_test += 61s;
  const ClientCounters::Telling again = counters.refused(ClientLimit::messages, kStranger);
  EXPECT_TRUE(again.tell);
  EXPECT_EQ(again.held_back, 4U);
}

TEST(ClientCounters, GrantWhatTheRateHasToManyThreadsTogether) {
  ClientCounters counters;
  const auth::Rate rate{500, 3600s};
  std::atomic<unsigned> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        taken += counters.take(ClientLimit::messages, kStranger, rate) ? 1U : 0U;
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(taken, 500U);
}

TEST(ClientCounters, ForgetClientsThatComeNoMoreRatherThanGrow) {
  ClientCounters counters(clock_of_test);
  const auth::Rate rate{1, 3600s};
  EXPECT_TRUE(counters.take(ClientLimit::messages, kStranger, rate));
  EXPECT_FALSE(counters.take(ClientLimit::messages, kStranger, rate));
  for (std::uint32_t i = 0; i < 4 * ClientCounters::kShards * ClientCounters::kMostOfAShard; ++i)
    counters.take(ClientLimit::messages, boost::asio::ip::address_v4(0x0a000000U + i), rate);
  EXPECT_TRUE(counters.take(ClientLimit::messages, kStranger, rate));
}

}  // namespace
}  // namespace postern::gateway
