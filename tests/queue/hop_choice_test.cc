// SPDX-License-Identifier: Apache-2.0
// Which of its hosts a next hop's mail goes to: penalties, priorities and weights.
#include "delivery_fixture.h"
#include "queue/hop_health.h"
#include "queue/hop_pool_impl.h"

#include <gmock/gmock.h>

namespace postern::queue {
namespace {

using test::At;
using test::ExchangeServer;
using test::Fault;

class HopChoiceTest : public DeliveryTest {};

TEST_F(HopChoiceTest, DoesNotTryADeadHostForTheNextMessage) {
  ExchangeServer live;
  add_dead_host();
  add_host(live);
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
  const net::Endpoint dead(*parse_ip("127.0.0.1"), hop.hosts[0].port);
  const HostState known = config.health->all().at(dead);
  EXPECT_EQ(known.level, 1U);
  EXPECT_THAT(known.failure, testing::HasSubstr("refused"));
  EXPECT_EQ(known.uses, std::vector<HostUse>{(HostUse{"exchange", hop.hosts[0].str()})});
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
  EXPECT_EQ(config.health->all().at(dead).failed_at, known.failed_at) << "it was not tried again";
}

TEST_F(HopChoiceTest, KnowsFailuresThatNoProbeSees) {
  ExchangeServer sick;
  ExchangeServer closed;
  ExchangeServer live;
  for (const ExchangeServer* server : {&sick, &closed, &live})
    add_host(*server);
  sick.plan(At::mail, {Fault::Kind::close, ""});
  closed.plan(At::connect, {Fault::Kind::close, ""});
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
  const auto known = [&](const ExchangeServer& server) {
    return config.health->all().at({*parse_ip("127.0.0.1"), server.port()});
  };
  EXPECT_TRUE(known(sick).beyond_probes) << known(sick).failure;
  EXPECT_FALSE(known(closed).beyond_probes) << known(closed).failure;
}

TEST_F(HopChoiceTest, TriesFirstTheHostWhosePenaltyEndsFirst) {
  ExchangeServer longer;
  ExchangeServer shorter;
  add_host(longer);
  add_host(shorter);
  const net::TimePoint now = net::Clock::now();
  const auto penalise = [&](const ExchangeServer& server, net::TimePoint at) {
    const net::Endpoint host(*parse_ip("127.0.0.1"), server.port());
    config.health->failed(host, {}, HostFailure{"x", at, false}, at);
  };
  penalise(longer, now);
  penalise(shorter, now - std::chrono::seconds(30));
  const Delivered d = deliver();
  EXPECT_EQ(status_of(d.final), "250 2.6.0");
  EXPECT_EQ(d.report.host, "127.0.0.1:" + std::to_string(shorter.port()));
  EXPECT_EQ(longer.connections(), 0U);
}

TEST_F(HopChoiceTest, SharesWhatIsKnownOfHostsWithOtherPools) {
  ExchangeServer first;
  ExchangeServer second;
  add_host(first);
  add_host(second);
  first.plan(At::connect, {Fault::Kind::close, ""});
  deliver();
  HopPool other(context.get_executor(), config, resolver);
  HopTransaction delivery(other, target(), Letter().sender);
  const smtp::Recipient recipient = to("i.ivanov@company.ru");
  EXPECT_EQ(status_of(run(delivery.recipient(recipient))), "250 2.1.5");
  EXPECT_EQ(first.connections(), 1U);
}

TEST_F(HopChoiceTest, GoesByPriorityWhereHostsHaveOne) {
  ExchangeServer second;
  ExchangeServer first;
  add_host(second);
  add_host(first);
  hop.weighted = true;
  hop.hosts[0].priority = 20;
  hop.hosts[1].priority = 10;
  deliver();
  EXPECT_EQ(first.mails().size(), 1U);
  first.plan(At::mail, {Fault::Kind::close, ""});
  run(pool().close_idle());
  EXPECT_EQ(status_of(deliver().final), "250 2.6.0");
  EXPECT_EQ(second.mails().size(), 1U) << "the next priority when one fails";
}

TEST_F(HopChoiceTest, WaitsForABusyHostRatherThanTakeTheNextPriority) {
  ExchangeServer first;
  ExchangeServer standby;
  add_host(first);
  add_host(standby);
  hop.weighted = true;
  hop.hosts[1].priority = 1;
  hop.limits.connections_per_host = 1;
  HopTransaction holder(pool(), target(), Letter().sender);
  const smtp::Recipient recipient = to("i.ivanov@company.ru");
  EXPECT_EQ(status_of(run(holder.recipient(recipient))), "250 2.1.5");
  std::optional<Delivered> second;
  net::asio::co_spawn(
      context, deliver_to({}, target()), [&](std::exception_ptr, Delivered d) { second = d; });
  context.poll();
  EXPECT_FALSE(second) << "it waits";
  EXPECT_EQ(status_of(run(holder.begin())), "250 2.0.0");
  EXPECT_TRUE(run(holder.write("Subject: t\r\n\r\nhello\r\n")));
  EXPECT_EQ(status_of(run(holder.finish())), "250 2.6.0");
  run_until([&] { return second.has_value(); });
  EXPECT_EQ(status_of(second->final), "250 2.6.0");
  EXPECT_EQ(first.mails().size(), 2U);
  EXPECT_EQ(standby.connections(), 0U);
}

TEST_F(HopChoiceTest, SpreadsMessagesByWeight) {
  ExchangeServer heavy;
  ExchangeServer light;
  ExchangeServer idle;
  for (const ExchangeServer* server : {&heavy, &light, &idle})
    add_host(*server);
  hop.weighted = true;
  hop.hosts[0].weight = 3000;
  hop.hosts[1].weight = 1000;
  pool().impl()->random.seed(4);
  constexpr std::size_t kMails = 40;
  for (std::size_t i = 0; i < kMails; ++i)
    deliver();
  EXPECT_EQ(heavy.mails().size() + light.mails().size(), kMails) << "a weight of 0 is no share";
  EXPECT_NEAR(static_cast<double>(light.mails().size()), 10, 6);
}

}  // namespace
}  // namespace postern::queue
