// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_prober.h"

#include "delivery_fixture.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace postern::queue {
namespace {

using namespace std::chrono_literals;
using test::At;
using test::ExchangeHabits;
using test::ExchangeServer;
using test::Fault;

constexpr auto kPatience = 30s;

class HopProberTest : public ::testing::Test {
 protected:
  HopProberTest() {
    config.hostname = "gw.company.ru";
    config.health = std::make_shared<HopHealth>();
    config.tls = *tls::Context::opportunistic_client();
    config.resolver = [](const net::Executor&) {
      auto resolver = std::make_unique<FakeResolver>();
      resolver->add_mx("company.ru", 10, "mx1.company.ru");
      resolver->add_host("mx1.company.ru", {"127.0.0.2"});
      return resolver;
    };
    config.on_good = [this](const std::string& hop) {
      const std::scoped_lock lock(mutex_);
      good_.push_back(hop);
      changed_.notify_all();
    };
  }

  static routing::NextHop hop_at(const ExchangeServer& server, std::chrono::seconds pause = 1h) {
    routing::NextHop hop;
    hop.name = "vk";
    hop.probe = pause;
    hop.tls = routing::NextHop::Tls::none;
    routing::HostSpec host;
    host.host = server.habits().address;
    host.port = server.port();
    hop.hosts.push_back(host);
    return hop;
  }
  static net::Endpoint endpoint(const ExchangeServer& server) {
    return {*parse_ip(server.habits().address), server.port()};
  }
  /// Waits for as many good probes in all.
  std::vector<std::string> wait_for_good(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return good_.size() >= count; }));
    return good_;
  }
  /// Waits until a probe of the host has found this.
  HostState wait_for_probe(const net::Endpoint& host, bool good) const {
    const auto end = net::Clock::now() + kPatience;
    for (;;) {
      const auto all = config.health->all();
      const auto found = all.find(host);
      const bool told = found != all.end() && found->second.probe;
      if (told && found->second.probe->good == good) return found->second;
      if (net::Clock::now() > end) {
        ADD_FAILURE() << "no probe";
        return {};
      }
      std::this_thread::yield();
    }
  }

  HopProberConfig config;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> good_;
};

TEST_F(HopProberTest, GreetsSaysQuitAndNothingElse) {
  ExchangeServer server;
  HopProber prober(config);
  prober.watch({hop_at(server)});
  EXPECT_THAT(wait_for_good(1), testing::ElementsAre("vk"));
  server.wait_for_command("QUIT");
  EXPECT_THAT(server.commands(), testing::ElementsAre("EHLO gw.company.ru", "QUIT"));
  const HostState known = wait_for_probe(endpoint(server), true);
  EXPECT_EQ(known.uses, std::vector<HostUse>{(HostUse{"vk", hop_at(server).hosts[0].str()})});
  EXPECT_NE(known.answered_at, net::TimePoint());
}

TEST_F(HopProberTest, ProbesNoNextHopThatDoesNotWantIt) {
  ExchangeServer quiet;
  ExchangeServer server;
  HopProber prober(config);
  prober.watch({hop_at(quiet, 0s), hop_at(server)});
  wait_for_good(1);
  EXPECT_EQ(quiet.connections(), 0U);
}

TEST_F(HopProberTest, MarksAHostDownThatDoesNotGreetAndFindsItAgain) {
  ExchangeServer server;
  server.plan(At::connect, {Fault::Kind::say_and_close, "554 5.3.2 \x1b[2J closed"});
  HopProber prober(config);
  prober.watch({hop_at(server, 1s)});
  const HostState down = wait_for_probe(endpoint(server), false);
  EXPECT_GT(down.down_until, net::Clock::now());
  EXPECT_THAT(down.probe->failure, testing::HasSubstr("554"));
  EXPECT_THAT(down.probe->failure, testing::Not(testing::HasSubstr("\x1b")));
  EXPECT_NE(config.health->avoided_until(endpoint(server), net::Clock::now()), net::TimePoint());
  wait_for_good(1);
  EXPECT_EQ(config.health->avoided_until(endpoint(server), net::Clock::now()), net::TimePoint());
}

TEST_F(HopProberTest, WakesNobodyForAHostThatFailedWithinASession) {
  ExchangeServer sick;
  ExchangeServer well;
  const net::TimePoint now = net::Clock::now();
  config.health->failed(endpoint(sick), {"sick", "h"}, HostFailure{"MAIL", now, false, true}, now);
  HopProber prober(config);
  routing::NextHop first = hop_at(sick);
  first.name = "sick";
  prober.watch({first, hop_at(well)});
  wait_for_probe(endpoint(sick), true);
  EXPECT_NE(config.health->avoided_until(endpoint(sick), net::Clock::now()), net::TimePoint());
  sick.wait_for_command("QUIT");  // follows the word that there may have been
  EXPECT_THAT(wait_for_good(1), testing::ElementsAre("vk"));
}

TEST_F(HopProberTest, GivesUpOnAHostThatSaysNothing) {
  ExchangeServer server;
  server.plan(At::connect, {Fault::Kind::hold, ""});
  config.step = 1s;
  HopProber prober(config);
  prober.watch({hop_at(server)});
  const HostState down = wait_for_probe(endpoint(server), false);
  EXPECT_THAT(down.probe->failure, testing::HasSubstr("timed out"));
  server.release();
}

TEST_F(HopProberTest, WantsTlsWhereTheNextHopDoes) {
  ExchangeHabits habits;
  habits.offers_starttls = false;
  ExchangeServer plain(habits);
  ExchangeServer secure;
  std::vector<routing::NextHop> hops = {hop_at(plain), hop_at(secure)};
  for (routing::NextHop& hop : hops)
    hop.tls = routing::NextHop::Tls::encrypt;
  HopProber prober(config);
  prober.watch(hops);
  wait_for_probe(endpoint(plain), false);
  wait_for_probe(endpoint(secure), true);
  EXPECT_EQ(secure.count_commands("STARTTLS"), 1U);
}

TEST_F(HopProberTest, ProbesTheMxOfAName) {
  ExchangeHabits habits;
  habits.address = "127.0.0.2";
  ExchangeServer server(habits);
  routing::NextHop hop = hop_at(server);
  hop.hosts[0].host = "company.ru";
  hop.hosts[0].mx = true;
  HopProber prober(config);
  prober.watch({hop});
  EXPECT_EQ(wait_for_probe(endpoint(server), true).uses[0].host, "mx:company.ru");
}

TEST_F(HopProberTest, DoesNotProbeItself) {
  ExchangeServer us;
  ExchangeServer other;
  config.own_endpoints = {endpoint(us)};
  HopProber prober(config);
  prober.watch({hop_at(us), hop_at(other)});
  wait_for_good(1);
  EXPECT_EQ(us.connections(), 0U);
}

TEST_F(HopProberTest, GoesOnInItsPauseWhenTheNextHopIsTheSame) {
  ExchangeServer server;
  ExchangeServer fresh;
  HopProber prober(config);
  prober.watch({hop_at(server)});
  wait_for_good(1);
  prober.watch({hop_at(server), hop_at(fresh)});
  wait_for_good(2);
  EXPECT_EQ(server.connections(), 1U);
  prober.watch({hop_at(server, 2h)});
  wait_for_good(3);
  EXPECT_EQ(server.connections(), 2U) << "another pause begins anew";
}

TEST_F(HopProberTest, SaysNothingOfAHostThatIsNotWantedAnyMore) {
  ExchangeServer server;
  ExchangeServer other;
  server.plan(At::connect, {Fault::Kind::hold, ""});
  HopProber prober(config);
  prober.watch({hop_at(server)});
  server.wait_for_held(1);
  prober.watch({hop_at(other)});
  wait_for_good(1);
  server.release();
  server.wait_for_command("QUIT");
  EXPECT_FALSE(config.health->all().contains(endpoint(server)));
}

TEST_F(HopProberTest, TakesItsWordBackWhenTheNextHopIsProbedNoMore) {
  ExchangeServer server;
  ExchangeServer other;
  server.plan(At::connect, {Fault::Kind::close, ""});
  HopProber prober(config);
  prober.watch({hop_at(server)});
  wait_for_probe(endpoint(server), false);
  prober.watch({hop_at(server, 0s), hop_at(other)});
  wait_for_good(1);
  EXPECT_FALSE(config.health->all().at(endpoint(server)).probe);
  EXPECT_EQ(config.health->avoided_until(endpoint(server), net::Clock::now()), net::TimePoint());
}

TEST_F(HopProberTest, EndsInTheMiddleOfAProbe) {
  ExchangeServer server;
  server.plan(At::connect, {Fault::Kind::hold, ""});
  HopProber prober(config);
  prober.watch({hop_at(server)});
  server.wait_for_held(1);
  prober.stop();
  prober.watch({hop_at(server)});
  prober.stop();
  server.release();
  EXPECT_TRUE(config.health->all().empty());
}

}  // namespace
}  // namespace postern::queue
