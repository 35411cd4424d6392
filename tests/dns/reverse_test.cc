// SPDX-License-Identifier: Apache-2.0
#include "dns/reverse.h"

#include "cares_fixture.h"

namespace postern::dns {
namespace {

using namespace std::chrono_literals;
using test::a_record;
using test::answer;
using test::kPtr;
using test::rcode;
using test::reaction;

constexpr const char* kReverse = "PTR 7.2.0.192.in-addr.arpa";

class ReverseTest : public test::CaresFixture {
 protected:
  ReverseTest() {
    config_.reverse_timeout = 1h;
    remake();
  }
  void remake() {
    reverse_ = std::make_unique<ReverseLookup>(io_.get_executor(), *resolver_, config_);
  }
  void point_to(std::vector<std::string> names) {
    std::vector<test::ScriptedRecord> records;
    for (const std::string& name : names)
      records.push_back({kPtr, test::cname_data(name), 300, {}});
    server_.set(kReverse, answer(std::move(records)));
  }
  std::string name(const std::string& address = "192.0.2.7") {
    return test::run(io_, reverse_->name(*parse_ip(address)));
  }

  Config config_;
  std::unique_ptr<ReverseLookup> reverse_;
};

TEST_F(ReverseTest, IsTheNameThatLeadsBack) {
  point_to({"Mail.Example"});
  server_.set("A mail.example", answer({a_record("192.0.2.6"), a_record("192.0.2.7")}));
  server_.set("AAAA mail.example", answer({}));
  EXPECT_EQ(name(), "mail.example");
  const std::size_t asked = server_.asked().size();
  EXPECT_EQ(name(), "mail.example");
  EXPECT_EQ(server_.asked().size(), asked) << "it is known";
}

TEST_F(ReverseTest, IsNoneWhereTheNameLeadsElsewhere) {
  point_to({"mail.bank.example"});
  server_.set("A mail.bank.example", answer({a_record("192.0.2.6")}));
  server_.set("AAAA mail.bank.example", answer({}));
  EXPECT_EQ(name(), "");
}

TEST_F(ReverseTest, IsTheFirstOfSeveralThatLeadsBack) {
  point_to({"gone.example", "mail.example"});
  server_.set("A mail.example", answer({a_record("192.0.2.7")}));
  server_.set("AAAA mail.example", answer({}));
  EXPECT_EQ(name(), "mail.example");
}

TEST_F(ReverseTest, IsNoneForAnAddressAndForWhatIsNoHostName) {
  point_to({"192.0.2.7", "a(b.example"});
  EXPECT_EQ(name(), "") << "an address would confirm itself";
}

TEST_F(ReverseTest, IsNoneWithoutPtrAndThatIsKept) {
  EXPECT_EQ(name(), "");
  EXPECT_EQ(name(), "");
  EXPECT_EQ(server_.asked().size(), 1U);
  EXPECT_EQ(reverse_->size(), 1U);
}

TEST_F(ReverseTest, IsNoneWhereDnsFailsAndThatIsKeptForAWhile) {
  server_.set(kReverse, rcode(2));
  EXPECT_EQ(name(), "");
  const std::size_t asked = server_.asked().size();
  EXPECT_EQ(name(), "");
  EXPECT_EQ(server_.asked().size(), asked) << "not one time-out a session";
}

TEST_F(ReverseTest, IsWaitedForNoLongerThanConfigured) {
  server_.set(kReverse, reaction(test::Reaction::How::silence));
  config_.reverse_timeout = 1ms;
  remake();
  EXPECT_EQ(name(), "") << "the resolver itself gives up after an hour";
  EXPECT_EQ(name(), "") << "and who comes later does not wait anew";
  EXPECT_EQ(server_.asked().size(), 1U);
}

TEST_F(ReverseTest, AsksOnceForManyWhoWait) {
  point_to({"mail.example"});
  server_.set("A mail.example", answer({a_record("192.0.2.7")}));
  server_.set("AAAA mail.example", answer({}));
  reverse_->begin(*parse_ip("192.0.2.7"));
  const auto one = test::start(io_, reverse_->name(*parse_ip("192.0.2.7")));
  const auto two = test::start(io_, reverse_->name(*parse_ip("192.0.2.7")));
  EXPECT_EQ(test::wait(io_, one), "mail.example");
  EXPECT_EQ(test::wait(io_, two), "mail.example");
  EXPECT_EQ(server_.asked().size(), 3U) << "PTR, A and AAAA";
}

TEST_F(ReverseTest, AsksNothingForLoopbackOrWhenItIsOff) {
  EXPECT_EQ(name("127.0.0.1"), "");
  EXPECT_EQ(name("::1"), "");
  config_.reverse_lookup = false;
  remake();
  EXPECT_EQ(name(), "");
  EXPECT_TRUE(server_.asked().empty());
}

TEST_F(ReverseTest, ForgetsTheOldestWhenFull) {
  config_.cache_entries = 2;
  remake();
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"})
    name(address);
  EXPECT_EQ(reverse_->size(), 2U);
}

TEST_F(ReverseTest, MayGoWhileItAsks) {
  server_.set(kReverse, reaction(test::Reaction::How::silence));
  const auto waiting = test::start(io_, reverse_->name(*parse_ip("192.0.2.7")));
  io_.poll();
  reverse_.reset();
  resolver_.reset();
  EXPECT_EQ(test::wait(io_, waiting), "");
}

}  // namespace
}  // namespace postern::dns
