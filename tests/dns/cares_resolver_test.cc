// SPDX-License-Identifier: Apache-2.0
#include "dns/cares_resolver.h"

#include "base/metrics.h"
#include "cares_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace postern::dns {
namespace {

using namespace std::chrono_literals;
using test::answer;
using test::kA;
using test::kAaaa;
using test::kCname;
using test::kMx;
using test::mx_record;
using test::rcode;
using test::Reaction;
using test::reaction;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

class CaresResolverTest : public test::CaresFixture {};

TEST_F(CaresResolverTest, FindsMxRecordsWithTheirTtl) {
  server_.set("MX example.com",
              answer({mx_record(20, "b.example.com"), mx_record(10, "a.example.com")}));
  const MxAnswer found = mx("Example.COM.");
  EXPECT_EQ(found.status, Status::ok);
  ASSERT_EQ(found.records.size(), 2U);
  EXPECT_EQ(found.records[0].preference, 20);
  EXPECT_EQ(found.records[0].exchange, "b.example.com");
  EXPECT_EQ(found.records[1].exchange, "a.example.com");
  EXPECT_EQ(found.ttl, 300s);
}

TEST_F(CaresResolverTest, SeesTheNullMx) {
  server_.set("MX null.example", answer({mx_record(0, ".")}));
  const MxAnswer found = mx("null.example");
  EXPECT_EQ(found.status, Status::ok);
  ASSERT_EQ(found.records.size(), 1U);
  EXPECT_EQ(found.records[0].exchange, "");
}

TEST_F(CaresResolverTest, AsksForALabels) {
  server_.set("MX xn--e1afmkfd.xn--p1ai", answer({mx_record(10, "mx.example")}));
  EXPECT_EQ(mx("пример.рф").status, Status::ok);
}

TEST_F(CaresResolverTest, TellsNoNameFromNoRecords) {
  server_.set("MX text.example", answer({}));
  EXPECT_EQ(mx("text.example").status, Status::no_data);
  EXPECT_EQ(mx("nowhere.example").status, Status::nx_domain);
  EXPECT_EQ(addresses("nowhere.example").status, Status::nx_domain);
}

TEST_F(CaresResolverTest, AddsNoSearchDomain) {
  EXPECT_EQ(mx("single").status, Status::nx_domain);
  EXPECT_THAT(server_.asked(), ElementsAre("MX single"));
}

TEST_F(CaresResolverTest, RefusesABadNameWithoutAsking) {
  EXPECT_EQ(mx("two..dots").status, Status::bad_name);
  EXPECT_EQ(addresses("").status, Status::bad_name);
  EXPECT_TRUE(server_.asked().empty());
}

TEST_F(CaresResolverTest, CallsServfailAndRefusedTransient) {
  server_.set("MX fail.example", rcode(2));
  server_.set("MX refused.example", rcode(5));
  EXPECT_EQ(mx("fail.example").status, Status::server_failure);
  EXPECT_EQ(mx("refused.example").status, Status::server_failure);
}

TEST_F(CaresResolverTest, GivesUpOnASilentServer) {
  make(20ms);
  server_.set("MX slow.example", reaction(Reaction::How::silence));
  EXPECT_EQ(mx("slow.example").status, Status::timed_out);
  EXPECT_EQ(server_.asked().size(), 2U) << "two tries";
}

TEST_F(CaresResolverTest, CallsGarbageAServerFailure) {
  server_.set("MX garbage.example", reaction(Reaction::How::garbage));
  EXPECT_EQ(mx("garbage.example").status, Status::server_failure);
}

TEST_F(CaresResolverTest, AsksByTcpWhenTheAnswerWasTruncated) {
  std::vector<test::ScriptedRecord> many;
  for (int i = 0; i < 90; ++i)
    many.push_back(mx_record(10, "exchange-" + std::to_string(i) + ".example"));
  server_.set("MX big.example", reaction(Reaction::How::truncate_udp, std::move(many)));
  const MxAnswer found = mx("big.example");
  EXPECT_EQ(found.status, Status::ok);
  EXPECT_EQ(found.records.size(), 90U);
  EXPECT_THAT(server_.asked(), ElementsAre("MX big.example", "MX big.example tcp"));
}

TEST_F(CaresResolverTest, FindsBothFamiliesWithIpv6First) {
  server_.set("A mail.example",
              answer({
                  {kA, test::a_data("192.0.2.1"), 300}
  }));
  server_.set("AAAA mail.example",
              answer({
                  {kAaaa, test::aaaa_data("2001:db8::1"), 100}
  }));
  const AddressAnswer found = addresses("mail.example");
  EXPECT_EQ(found.status, Status::ok);
  EXPECT_THAT(texts(found), ElementsAre("2001:db8::1", "192.0.2.1"));
  EXPECT_EQ(found.ttl, 100s);
  EXPECT_THAT(server_.asked(), UnorderedElementsAre("A mail.example", "AAAA mail.example"));
}

TEST_F(CaresResolverTest, FollowsAnAliasInTheAnswer) {
  server_.set(
      "A www.example",
      answer({
          {kCname, test::cname_data("mail.example"), 60 },
          {kA,     test::a_data("192.0.2.1"),        300}
  }));
  server_.set("AAAA www.example", answer({}));
  const AddressAnswer found = addresses("www.example");
  EXPECT_THAT(texts(found), ElementsAre("192.0.2.1"));
  EXPECT_EQ(found.ttl, 60s);
}

TEST_F(CaresResolverTest, TakesOneFamilyWhenTheOtherCannotBeAsked) {
  server_.set("A half.example",
              answer({
                  {kA, test::a_data("192.0.2.1"), 300}
  }));
  server_.set("AAAA half.example", rcode(2));
  EXPECT_THAT(texts(addresses("half.example")), ElementsAre("192.0.2.1"));

  server_.set("A none.example", answer({}));
  server_.set("AAAA none.example", rcode(2));
  EXPECT_EQ(addresses("none.example").status, Status::server_failure);
}

TEST_F(CaresResolverTest, AnswersAddressesAndLocalhostWithoutAsking) {
  EXPECT_THAT(texts(addresses("192.0.2.1")), ElementsAre("192.0.2.1"));
  EXPECT_THAT(texts(addresses("2001:db8::1")), ElementsAre("2001:db8::1"));
  EXPECT_THAT(texts(addresses("localhost")), ElementsAre("::1", "127.0.0.1"));
  EXPECT_TRUE(server_.asked().empty());
}

TEST_F(CaresResolverTest, AsksOnceForManyWhoWait) {
  server_.set("MX example.com", answer({mx_record(10, "a.example.com")}));
  const auto one = test::start(io_, resolver_->mx("example.com"));
  const auto two = test::start(io_, resolver_->mx("EXAMPLE.com"));
  const auto three = test::start(io_, resolver_->mx("example.com."));
  EXPECT_EQ(test::wait(io_, one).records.size(), 1U);
  EXPECT_EQ(test::wait(io_, two).records.size(), 1U);
  EXPECT_EQ(test::wait(io_, three).records.size(), 1U);
  EXPECT_EQ(server_.asked().size(), 1U);
}

TEST_F(CaresResolverTest, AnswersFromTheCacheUntilTheTtlEnds) {
  server_.set("MX example.com", answer({mx_record(10, "a.example.com")}));
  mx("example.com");
  EXPECT_EQ(mx("example.com").records.size(), 1U);
  mx("nowhere.example");
  EXPECT_EQ(mx("nowhere.example").status, Status::nx_domain);
  EXPECT_EQ(server_.asked().size(), 2U);

  server_.set("MX short.example",
              answer({
                  {kMx, test::mx_data(10, "a.example.com"), 0}
  }));
  mx("short.example");
  mx("short.example");
  EXPECT_EQ(server_.asked().size(), 4U) << "a TTL of 0 is not kept";
}

/// What the process has counted since this was made.
class Counted {
 public:
  Counted(const char* family, metrics::Labels labels)
      : counter_(metrics::counter(family, labels)), before_(counter_.value()) {}
  std::uint64_t now() const { return counter_.value() - before_; }

 private:
  const metrics::Counter& counter_;
  const std::uint64_t before_;
};

TEST_F(CaresResolverTest, CountsEachAnswerByTypeAndOutcome) {
  make(20ms);
  server_.set("MX example.com", answer({mx_record(10, "a.example.com")}));
  server_.set("MX text.example", answer({}));
  server_.set("MX fail.example", rcode(2));
  server_.set("MX slow.example", reaction(Reaction::How::silence));
  const Counted ok("postern_dns_answers_total", {"MX", "ok"});
  const Counted no_data("postern_dns_answers_total", {"MX", "nodata"});
  const Counted no_name("postern_dns_answers_total", {"MX", "nxdomain"});
  const Counted failed("postern_dns_answers_total", {"MX", "servfail"});
  const Counted late("postern_dns_answers_total", {"MX", "timeout"});
  const Counted v6("postern_dns_answers_total", {"AAAA", "nxdomain"});
  const Counted v4("postern_dns_answers_total", {"A", "nxdomain"});
  for (const char* name :
       {"example.com", "text.example", "nowhere.example", "fail.example", "slow.example"})
    mx(name);
  addresses("nowhere.example");
  mx("two..dots");
  for (const Counted* counted : {&ok, &no_data, &no_name, &failed, &late, &v6, &v4})
    EXPECT_EQ(counted->now(), 1U);
}

TEST_F(CaresResolverTest, CountsWhatTheCacheAnswered) {
  server_.set("MX example.com", answer({mx_record(10, "a.example.com")}));
  const Counted hits("postern_dns_cache_total", {"hit"});
  const Counted misses("postern_dns_cache_total", {"miss"});
  const Counted shared("postern_dns_cache_total", {"shared"});
  const auto one = test::start(io_, resolver_->mx("example.com"));
  const auto two = test::start(io_, resolver_->mx("EXAMPLE.com"));
  test::wait(io_, one);
  test::wait(io_, two);
  mx("example.com");
  mx("example.com");
  EXPECT_EQ(misses.now(), 1U);
  EXPECT_EQ(shared.now(), 1U);
  EXPECT_EQ(hits.now(), 2U);
}

TEST_F(CaresResolverTest, AsksAgainAfterATransientFailure) {
  server_.set("MX example.com", rcode(2));
  EXPECT_EQ(mx("example.com").status, Status::server_failure);
  server_.set("MX example.com", answer({mx_record(10, "a.example.com")}));
  EXPECT_EQ(mx("example.com").status, Status::ok);
}

TEST_F(CaresResolverTest, EndsWhatIsUnderWayWhenDestroyed) {
  server_.set("MX slow.example", reaction(Reaction::How::silence));
  server_.set("A slow.example", reaction(Reaction::How::silence));
  const auto one = test::start(io_, resolver_->mx("slow.example"));
  const auto two = test::start(io_, resolver_->mx("slow.example"));
  const auto three = test::start(io_, resolver_->addresses("slow.example"));
  io_.poll();
  resolver_.reset();
  EXPECT_EQ(test::wait(io_, one).status, Status::server_failure);
  EXPECT_EQ(test::wait(io_, two).status, Status::server_failure);
  EXPECT_EQ(test::wait(io_, three).status, Status::server_failure);
}

TEST_F(CaresResolverTest, MayBeDestroyedBeforeAQuestionThatWasAskedIsBegun) {
  auto question = resolver_->mx("example.com");
  resolver_.reset();
  EXPECT_EQ(test::run(io_, std::move(question)).status, Status::server_failure);
}

TEST_F(CaresResolverTest, GoesWithItsEventLoopWhileQuestionsWait) {
  server_.set("MX slow.example", reaction(Reaction::How::silence));
  const auto result = test::start(io_, resolver_->mx("slow.example"));
  io_.poll();
  EXPECT_FALSE(result->has_value()) << "the sanitizers see to the rest";
}

TEST_F(CaresResolverTest, CallsAServerThatIsNotThereTransient) {
  net::asio::ip::udp::socket unused(
      io_, net::asio::ip::udp::endpoint(net::asio::ip::address_v4::loopback(), 0));
  Config config;
  config.servers = {"127.0.0.1:" + std::to_string(unused.local_endpoint().port())};
  config.timeout = 20ms;
  config.tries = 1;
  unused.close();
  CaresResolver resolver(io_.get_executor(), config);
  EXPECT_TRUE(is_transient(test::run(io_, resolver.mx("example.com")).status));
}

TEST(CaresResolver, RefusesAServerThatIsNoAddress) {
  net::IoContext io(1);
  Config config;
  config.servers = {"dns.example.com"};
  EXPECT_THROW(CaresResolver(io.get_executor(), config), std::runtime_error);
}

TEST(CaresResolver, LeavesTheEventLoopWithoutWorkWhenNothingIsAsked) {
  net::IoContext io(1);
  const CaresResolver resolver(io.get_executor());
  EXPECT_EQ(io.run(), 0U);
}

}  // namespace
}  // namespace postern::dns
