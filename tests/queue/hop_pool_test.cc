// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_pool.h"

#include "delivery_fixture.h"

#include <gmock/gmock.h>

#include <thread>

namespace postern::queue {
namespace {

using test::At;
using test::ExchangeHabits;
using test::ExchangeServer;
using test::Fault;

class HopPoolTest : public DeliveryTest {
 protected:
  /// Begins a delivery that goes on while the test runs the context.
  void begin_delivery(Letter letter = {}) {
    net::asio::co_spawn(context,
                        deliver_to(std::move(letter), target()),
                        [this](std::exception_ptr, Delivered d) { ended.push_back(std::move(d)); });
  }
  /// Waits for an event of the server on another thread, while the context runs here.
  void while_running(const std::function<void()>& wait) {
    bool done = false;
    std::thread helper([&] {
      wait();
      net::asio::post(context, [&] { done = true; });
    });
    const auto guard = net::asio::make_work_guard(context);
    run_until([&] { return done; });
    helper.join();
  }
  std::vector<Delivered> ended;
};

TEST_F(HopPoolTest, KeepsAConnectionForTheNextMessage) {
  ExchangeServer server;
  add_host(server);
  EXPECT_FALSE(deliver().report.reused);
  EXPECT_EQ(pool().idle(), 1U);
  EXPECT_EQ(pool().open(), 1U);
  EXPECT_TRUE(deliver().report.reused);
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(server.count_commands("RSET"), 0U);
  run(pool().close_idle());
  EXPECT_EQ(pool().open(), 0U);
  EXPECT_EQ(server.count_commands("QUIT"), 1U);
}

TEST_F(HopPoolTest, TakesNoUnaskedReplyForTheNextMessagesR15) {
  hop.tls = routing::NextHop::Tls::none;
  hop.chunking = true;
  ExchangeServer server;
  add_host(server);
  deliver();
  server.say_unasked("250 2.0.0 once more");
  server.plan(At::last_chunk, {Fault::Kind::say, "554 5.6.0 content"});
  const Delivered second = deliver();
  EXPECT_EQ(status_of(second.final), "554 5.6.0");
  EXPECT_FALSE(second.report.reused);
  EXPECT_EQ(server.connections(), 2U);
}

TEST_F(HopPoolTest, TakesTheConnectionThatWasUsedLast) {
  ExchangeServer server;
  add_host(server);
  server.plan(At::mail, {Fault::Kind::hold, ""});
  begin_delivery();
  while_running([&] { server.wait_for_held(1); });
  deliver();  // on a second connection, while the first one is held
  server.release();
  run_until([&] { return ended.size() == 1; });
  EXPECT_EQ(pool().idle(), 2U);
  deliver();
  EXPECT_EQ(server.wait_for_mails(3)[2].session, 0U) << "the one that became idle last";
}

TEST_F(HopPoolTest, RenewsAConnectionAfterItsMessages) {
  hop.limits.messages_per_connection = 2;
  ExchangeServer server;
  add_host(server);
  for (int i = 0; i < 3; ++i)
    deliver();
  EXPECT_EQ(server.wait_for_mails(3)[2].session, 1U);
  server.wait_for_open_sessions(1);  // the first one has read all that was said
  EXPECT_EQ(server.count_commands("QUIT"), 1U);
}

TEST_F(HopPoolTest, RenewsAConnectionAfterItsLifetime) {
  hop.limits.connection_lifetime = std::chrono::seconds(0);
  ExchangeServer server;
  add_host(server);
  deliver();
  EXPECT_EQ(pool().idle(), 0U);
  deliver();
  EXPECT_EQ(server.wait_for_mails(2)[1].session, 1U);
}

TEST_F(HopPoolTest, EndsAnIdleConnectionWithQuit) {
  hop.limits.idle = std::chrono::seconds(1);
  ExchangeServer server;
  add_host(server);
  deliver();
  EXPECT_EQ(pool().idle(), 1U);
  while_running([&] { server.wait_for_open_sessions(0); });
  EXPECT_EQ(server.count_commands("QUIT"), 1U);
  EXPECT_EQ(pool().idle(), 0U);
}

TEST_F(HopPoolTest, ReopensInSilenceWhatTheServerCutAfterTenMinutes) {
  ExchangeServer server;
  add_host(server);
  deliver();
  server.advance(std::chrono::minutes(10));
  server.wait_for_open_sessions(0);
  const Delivered d = deliver();
  EXPECT_EQ(status_of(d.final), "250 2.6.0");
  EXPECT_FALSE(d.report.reused);
  EXPECT_EQ(server.connections(), 2U);
}

TEST_F(HopPoolTest, NeverHasMoreConnectionsToAHostThanItsLimit) {
  hop.limits.connections_per_host = 3;
  ExchangeServer server;
  add_host(server);
  for (int i = 0; i < 20; ++i)
    begin_delivery();
  run_until([&] { return ended.size() == 20; });
  for (const Delivered& d : ended)
    EXPECT_EQ(status_of(d.final), "250 2.6.0");
  EXPECT_LE(server.most_open(), 3U);
  EXPECT_EQ(server.connections(), 3U);
  EXPECT_EQ(server.mails().size(), 20U);
}

TEST_F(HopPoolTest, StaysBelowExchangesTwentyConnectionsWithItsDefaultOfTwelve) {
  hop.limits.connections_per_host = 12;
  ExchangeServer server;
  add_host(server);
  server.plan(At::mail, {Fault::Kind::hold, "", 0, 12});
  for (int i = 0; i < 40; ++i)
    begin_delivery();
  while_running([&] { server.wait_for_held(12); });
  server.release();
  run_until([&] { return ended.size() == 40; });
  for (const Delivered& d : ended)
    EXPECT_EQ(status_of(d.final), "250 2.6.0");
  EXPECT_EQ(server.most_open(), 12U);
}

TEST_F(HopPoolTest, KeepsToItsShareOfTheLimitBesideOtherPools) {
  hop.limits.connections_per_host = 12;
  config.pools = 5;
  ExchangeServer server;
  add_host(server);
  server.plan(At::mail, {Fault::Kind::hold, "", 0, 2});
  for (int i = 0; i < 10; ++i)
    begin_delivery();
  while_running([&] { server.wait_for_held(2); });
  server.release();
  run_until([&] { return ended.size() == 10; });
  EXPECT_EQ(server.most_open(), 2U);
}

TEST_F(HopPoolTest, HasOneConnectionHoweverManyPoolsThereAre) {
  hop.limits.connections_per_host = 1;
  config.pools = 64;
  ExchangeServer server;
  add_host(server);
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
}

TEST_F(HopPoolTest, DefersWhatWaitsTooLongForAConnection) {
  hop.limits.connections_per_host = 1;
  config.place_wait = std::chrono::seconds(0);
  ExchangeServer server;
  add_host(server);
  server.plan(At::mail, {Fault::Kind::hold, ""});
  begin_delivery();
  while_running([&] { server.wait_for_held(1); });
  EXPECT_EQ(status_of(deliver().recipients[0]), "451 4.4.5");
  server.release();
  run_until([&] { return ended.size() == 1; });
  EXPECT_EQ(status_of(ended[0].final), "250 2.6.0");
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
}

TEST_F(HopPoolTest, DoesNotWaitLongForAHostThatHangsWhileAnotherIsLeft) {
  config.failover_patience = std::chrono::seconds(0);
  ExchangeServer hangs;
  ExchangeServer good;
  add_host(hangs);
  add_host(good);
  hangs.plan(At::connect, {Fault::Kind::hold, ""});
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
  EXPECT_EQ(good.mails().size(), 1U);
  hangs.release();
}

TEST_F(HopPoolTest, UsesAnotherHostOfTheHopWhenOneIsBusy) {
  hop.limits.connections_per_host = 1;
  ExchangeServer one;
  ExchangeServer two;
  add_host(one);
  add_host(two);
  one.plan(At::mail, {Fault::Kind::hold, ""});
  begin_delivery();
  while_running([&] { one.wait_for_held(1); });
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
  EXPECT_EQ(two.mails().size(), 1U);
  one.release();
  run_until([&] { return ended.size() == 1; });
}

TEST_F(HopPoolTest, Takes421OverTwentyConnectionsForSlownessOfTheHost) {
  ExchangeHabits habits;
  habits.connections_per_source = 1;
  ExchangeServer server(habits);
  add_host(server);
  server.plan(At::mail, {Fault::Kind::hold, ""});
  begin_delivery();
  while_running([&] { server.wait_for_held(1); });
  EXPECT_EQ(status_of(deliver().recipients[0]), "451 4.3.2");
  server.release();
  run_until([&] { return ended.size() == 1; });
  EXPECT_EQ(status_of(ended[0].final), "250 2.6.0");
}

TEST_F(HopPoolTest, GoesOverTheHostsInTheirOrder) {
  ExchangeServer second;
  ExchangeServer third;
  add_dead_host();
  add_host(second);
  add_host(third);
  const Delivered d = deliver();
  EXPECT_EQ(d.report.host, "127.0.0.1:" + std::to_string(second.port()));
  EXPECT_EQ(third.connections(), 0U);
}

TEST_F(HopPoolTest, TriesAHostThatWasDownLast) {
  ExchangeServer first;
  ExchangeServer second;
  add_host(first);
  add_host(second);
  first.plan(At::connect, {Fault::Kind::say_and_close, "421 4.3.2 busy"});
  deliver();
  EXPECT_EQ(first.connections(), 1U);
  deliver();
  EXPECT_EQ(first.connections(), 1U);
  EXPECT_EQ(second.mails().size(), 2U);
}

TEST_F(HopPoolTest, TriesAHostThatWasDownWhenItIsTheOnlyOne) {
  ExchangeServer server;
  add_host(server);
  server.plan(At::connect, {Fault::Kind::say_and_close, "421 4.3.2 busy"});
  EXPECT_EQ(status_of(deliver().recipients[0]), "451 4.3.2");
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
}

TEST_F(HopPoolTest, TellsItsConnectionsByHost) {
  ExchangeServer server;
  add_host(server);
  server.plan(At::mail, {Fault::Kind::hold, ""});
  begin_delivery();
  while_running([&] { server.wait_for_held(1); });
  deliver();
  const std::vector<HopPool::HostConnections> hosts = pool().hosts();
  ASSERT_EQ(hosts.size(), 1U);
  EXPECT_EQ(hosts[0].host.port(), server.port());
  EXPECT_EQ(hosts[0].open, 2U);
  EXPECT_EQ(hosts[0].idle, 1U);
  server.release();
  run_until([&] { return ended.size() == 1; });
}

TEST_F(HopPoolTest, DefersWhenNobodyIsReachable) {
  add_dead_host();
  add_dead_host();
  const Delivered d = deliver();
  EXPECT_EQ(status_of(d.recipients[0]), "451 4.4.1");
  EXPECT_THAT(std::string(d.recipients[0].text()), testing::HasSubstr("next hop exchange"));
  EXPECT_THAT(d.report.host, testing::StartsWith("127.0.0.1:")) << "the log names the host";
  EXPECT_THAT(std::string(d.recipients[0].text()), testing::Not(testing::HasSubstr("127.0.0.1")));
  EXPECT_EQ(pool().open(), 0U);
}

TEST_F(HopPoolTest, GoesFromOneHopOfAListToTheNext) {
  routing::NextHop other;
  other.name = "second";
  other.tls = routing::NextHop::Tls::none;
  ExchangeServer server;
  add_host(server);
  std::swap(other.hosts, hop.hosts);
  add_dead_host();
  routing::Target where = target();
  where.hops.push_back(&other);
  EXPECT_EQ(status_of(run(deliver_to({}, where)).final), "250 2.6.0");
}

TEST_F(HopPoolTest, DeliversOverIpv6) {
  ExchangeHabits habits;
  habits.address = "::1";
  ExchangeServer server(habits);
  add_host(server);
  const Delivered d = deliver();
  EXPECT_EQ(status_of(d.final), "250 2.6.0");
  EXPECT_EQ(d.report.host, "[::1]:" + std::to_string(server.port()));
}

TEST_F(HopPoolTest, GoesFromAnIpv6AddressThatIsDownToAnIpv4One) {
  ExchangeServer server;
  resolver.add_host("ex.company.ru", {"::1", "127.0.0.1"});
  routing::HostSpec host;
  host.host = "ex.company.ru";
  host.port = server.port();
  hop.hosts = {host};
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
}

TEST_F(HopPoolTest, DefersWhenAHostOfTheConfigHasNoAddress) {
  routing::HostSpec host;
  host.host = "gone.company.ru";
  hop.hosts = {host};
  EXPECT_EQ(status_of(deliver().recipients[0]), "451 4.3.5");
  resolver.hosts["gone.company.ru"].status = dns::Status::timed_out;
  EXPECT_EQ(status_of(deliver().recipients[0]), "451 4.4.3");
}

class MxTest : public HopPoolTest {
 protected:
  Delivered deliver_mx(const std::string& domain) {
    routing::Target where;
    where.mx_domain = domain;
    Letter letter;
    return run(deliver_to(letter, where));
  }
};

TEST_F(MxTest, DeliversToTheMxOfADomain) {
  ExchangeServer server;
  config.mx_port = server.port();
  config.tls = nullptr;
  resolver.add_mx("corp.com", 20, "mx2.corp.com");
  resolver.add_mx("corp.com", 10, "mx1.corp.com");
  resolver.add_host("mx1.corp.com", {"127.0.0.1"});
  resolver.add_host("mx2.corp.com", {"127.0.0.2"});
  const Delivered d = deliver_mx("corp.com");
  EXPECT_EQ(status_of(d.final), "250 2.6.0");
  EXPECT_FALSE(deliver_mx("corp.com").report.tls);
}

TEST_F(MxTest, SaysWhatDnsKnowsOfADomain) {
  resolver.add_mx("null.com", 0, "");
  resolver.mx_records["slow.com"].status = dns::Status::timed_out;
  resolver.add_mx("empty.com", 10, "nowhere.com");
  EXPECT_EQ(status_of(deliver_mx("null.com").recipients[0]), "556 5.1.10");
  EXPECT_EQ(status_of(deliver_mx("none.com").recipients[0]), "550 5.1.2");
  EXPECT_EQ(status_of(deliver_mx("slow.com").recipients[0]), "451 4.4.3");
  EXPECT_EQ(status_of(deliver_mx("empty.com").recipients[0]), "550 5.4.4");
}

TEST_F(MxTest, RefusesAWayThatLeadsBackToItselfR13) {
  ExchangeServer server;
  config.mx_port = server.port();
  config.own_endpoints.emplace_back(net::asio::ip::make_address("127.0.0.2"), server.port());
  resolver.add_mx("loop.com", 10, "us.company.ru");
  resolver.add_mx("loop.com", 20, "behind.company.ru");
  resolver.add_host("us.company.ru", {"127.0.0.2"});
  resolver.add_host("behind.company.ru", {"127.0.0.1"});
  EXPECT_EQ(status_of(deliver_mx("loop.com").recipients[0]), "554 5.4.6");
  EXPECT_EQ(server.connections(), 0U);
}

TEST_F(HopPoolTest, MayGoWhileMessagesAreUnderWay) {
  ExchangeServer server;
  add_host(server);
  server.plan(At::mail, {Fault::Kind::hold, ""});
  auto own = std::make_unique<HopPool>(context.get_executor(), config, resolver);
  auto delivery = std::make_unique<HopTransaction>(*own, target(), Letter().sender);
  const smtp::Recipient recipient = to("i.ivanov@company.ru");
  std::optional<smtp::Reply> reply;
  net::asio::co_spawn(context,
                      delivery->recipient(recipient),
                      [&](std::exception_ptr, smtp::Reply r) { reply = std::move(r); });
  while_running([&] { server.wait_for_held(1); });
  own.reset();
  server.release();
  run_until([&] { return reply.has_value(); });
  EXPECT_EQ(status_of(*reply), "250 2.1.5");
  delivery.reset();
  while_running([&] { server.wait_for_open_sessions(0); });
}

}  // namespace
}  // namespace postern::queue
