// SPDX-License-Identifier: Apache-2.0
// Several addresses of one host are tried beside each other (RFC 8305): one that says nothing costs
// a moment and not the connect time-out.
#include "delivery_fixture.h"

#include <gmock/gmock.h>

namespace postern::queue {
namespace {

using testing::ElementsAre;
namespace ip = net::asio::ip;

/// An address at which connections neither succeed nor fail: its backlog is full.
class SilentAddress {
 public:
  SilentAddress(net::IoContext& io, const char* address, std::uint16_t port)
      : endpoint_(ip::make_address(address), port),
        acceptor_(io.get_executor()),
        first_(io.get_executor()) {
    acceptor_.open(ip::tcp::v4());
    acceptor_.bind(endpoint_);
    acceptor_.listen(0);
    first_.connect(endpoint_);
  }
  SilentAddress(SilentAddress&&) = delete;

 private:
  net::Endpoint endpoint_;
  net::Acceptor acceptor_;
  net::Socket first_;
};

class HopRace : public DeliveryTest {
 protected:
  HopRace() { config.timeouts.connect = std::chrono::hours(1); }
  /// A host with these addresses, at the server's port.
  void name_host(const std::vector<std::string>& addresses, std::uint16_t port) {
    resolver.add_host("two.example", addresses);
    routing::HostSpec host;
    host.host = "two.example";
    host.port = port;
    hop.hosts.push_back(host);
  }
  std::vector<std::string> open_hosts() {
    std::vector<std::string> out;
    for (const HopPool::HostConnections& host : pool().hosts())
      out.push_back(host.host.address().to_string() + " " + std::to_string(host.open));
    return out;
  }
};

TEST_F(HopRace, ASilentAddressDoesNotKeepTheOthersWaiting) {
  test::ExchangeServer server(test::ExchangeHabits{});
  const SilentAddress silent(context, "127.0.0.9", server.port());
  name_host({"127.0.0.9", "127.0.0.1"}, server.port());
  const Delivered letter = deliver();
  EXPECT_TRUE(letter.final.is_positive()) << letter.final.line();
  EXPECT_THAT(open_hosts(), ElementsAre("127.0.0.1 1")) << "the loser's place is free again";
}

TEST_F(HopRace, TwoSilentAddressesDoNotEither) {
  test::ExchangeServer server(test::ExchangeHabits{});
  const SilentAddress one(context, "127.0.0.8", server.port());
  const SilentAddress two(context, "127.0.0.9", server.port());
  name_host({"127.0.0.8", "127.0.0.9", "127.0.0.1"}, server.port());
  EXPECT_TRUE(deliver().final.is_positive());
  EXPECT_EQ(pool().open(), 1U);
}

TEST_F(HopRace, TheLimitOfConnectionsIsKeptByLosersToo) {
  hop.limits.connections_per_host = 1;
  test::ExchangeServer server(test::ExchangeHabits{});
  const SilentAddress silent(context, "127.0.0.9", server.port());
  name_host({"127.0.0.9", "127.0.0.1"}, server.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(deliver().final.is_positive());
    EXPECT_THAT(open_hosts(), ElementsAre("127.0.0.1 1"));
  }
}

TEST_F(HopRace, AnAddressThatRefusesIsFollowedByTheNextAtOnce) {
  test::ExchangeServer server(test::ExchangeHabits{});
  name_host({"127.0.0.7", "127.0.0.1"}, server.port());
  EXPECT_TRUE(deliver().final.is_positive());
  EXPECT_EQ(pool().open(), 1U);
}

TEST_F(HopRace, AWinnerThatDoesNotTakeTheSessionIsNotTheEnd) {
  config.timeouts.connect = std::chrono::seconds(1);  // the loser's, when its turn comes again
  test::ExchangeServer busy(test::ExchangeHabits{});
  busy.plan(test::At::connect, {test::Fault::Kind::say_and_close, "421 4.3.2 busy"});
  const SilentAddress silent(context, "127.0.0.9", busy.port());
  name_host({"127.0.0.9", "127.0.0.1"}, busy.port());
  test::ExchangeServer second(test::ExchangeHabits{});
  add_host(second);
  EXPECT_TRUE(deliver().final.is_positive());
  EXPECT_EQ(second.mails().size(), 1U);
  EXPECT_EQ(pool().open(), 1U);
}

}  // namespace
}  // namespace postern::queue
