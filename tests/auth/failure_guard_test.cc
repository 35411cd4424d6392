// SPDX-License-Identifier: Apache-2.0
#include "auth/failure_guard.h"

#include <gtest/gtest.h>

namespace postern::auth {
namespace {

using namespace std::chrono_literals;
using V = FailureGuard::Verdict;

const GuardClock::time_point kStart{1'000'000s};

IpAddress at(const std::string& text) {
  return *parse_ip(text);
}

TEST(WindowCounter, ForgetsWhatIsOlderThanItsWindow) {
  WindowCounter counter(10);
  for (int i = 0; i < 6; ++i)
    counter.add("a", 60s, kStart);
  EXPECT_EQ(counter.count("a", 60s, kStart), 6U);
  EXPECT_EQ(counter.count("a", 60s, kStart + 59s), 6U);
  EXPECT_EQ(counter.count("a", 60s, kStart + 90s), 3U);  // half of the window before is left
  EXPECT_EQ(counter.count("a", 60s, kStart + 120s), 0U);
  EXPECT_EQ(counter.count("b", 60s, kStart), 0U);
}

TEST(WindowCounter, IsBoundedAndForgetsWhoWasCountedLongestAgo) {
  WindowCounter counter(3);
  for (const char* key : {"a", "b", "c"})
    counter.add(key, 60s, kStart);
  counter.add("a", 60s, kStart);
  counter.add("d", 60s, kStart);
  EXPECT_EQ(counter.size(), 3U);
  EXPECT_EQ(counter.count("a", 60s, kStart), 2U);
  EXPECT_EQ(counter.count("b", 60s, kStart), 0U);
  EXPECT_EQ(counter.count("d", 60s, kStart), 1U);
}

GuardLimits limits() {
  GuardLimits out;
  out.per_client = {3, 60s};
  out.per_account = {5, 60s};
  return out;
}

class GuardTest : public ::testing::Test {
 protected:
  GuardTest() { now_ = kStart; }

  using Attempt = FailureGuard::Attempt;
  V begin(const std::string& client, std::string_view account, Attempt& attempt) {
    return guard.begin(at(client), account, limits(), attempt);
  }
  /// One attempt that ends at once; what begin() has said.
  V fails(const std::string& client, std::string_view account, std::string_view canonical = {}) {
    Attempt attempt;
    const V out = begin(client, account, attempt);
    attempt.failed(canonical);
    return out;
  }
  V succeeds(const std::string& client, std::string_view account, std::string_view canonical = {}) {
    Attempt attempt;
    const V out = begin(client, account, attempt);
    attempt.succeeded(canonical);
    return out;
  }
  std::uint32_t failures(const std::string& client) { return guard.failures(at(client), limits()); }

  static inline GuardClock::time_point now_ = kStart;
  FailureGuard guard{[] { return now_; }};
};

TEST_F(GuardTest, StopsAClientWhateverAccountItTries) {
  for (const char* name : {"ann", "bob", "carl"})
    EXPECT_EQ(fails("10.0.0.1", name), V::go);
  EXPECT_EQ(fails("10.0.0.1", "dora"), V::client_is_over);
  EXPECT_EQ(guard.ask(at("10.0.0.1"), limits()), V::client_is_over);
  EXPECT_EQ(guard.ask(at("10.0.0.2"), limits()), V::go);
  EXPECT_EQ(failures("10.0.0.1"), 3U);
  now_ += 120s;
  EXPECT_EQ(guard.ask(at("10.0.0.1"), limits()), V::go);
}

TEST_F(GuardTest, StopsGuessingAtAnAccountFromManyClientsButNotItsOwner) {
  EXPECT_EQ(succeeds("10.0.0.9", "Ann"), V::go);
  for (int i = 1; i <= 5; ++i)
    EXPECT_EQ(fails("10.0.1." + std::to_string(i), "ann"), V::go);
  EXPECT_EQ(fails("10.0.1.6", "ANN"), V::account_is_over);
  EXPECT_EQ(succeeds("10.0.0.9", "ann"), V::go);
  EXPECT_EQ(fails("10.0.1.6", "bob"), V::go);
}

TEST_F(GuardTest, CountsNeitherSuccessesNorWhatNobodyCouldTell) {
  for (int i = 0; i < 20; ++i) {
    Attempt attempt;
    EXPECT_EQ(begin("10.0.0.1", "ann", attempt), V::go);
    if (i % 2 == 0) {
      attempt.succeeded("");
    } else {
      attempt.unknown();
    }
  }
  EXPECT_EQ(failures("10.0.0.1"), 0U);
}

TEST_F(GuardTest, WhatIsUnderWayIsNoFailureAndNoWayRound) {
  Attempt attempts[3];
  for (Attempt& attempt : attempts)
    EXPECT_EQ(begin("10.0.0.1", "ann", attempt), V::go);
  Attempt more;
  EXPECT_EQ(begin("10.0.0.1", "ann", more), V::is_busy);
  EXPECT_FALSE(more);
  EXPECT_EQ(guard.ask(at("10.0.0.1"), limits()), V::go);
  EXPECT_EQ(failures("10.0.0.1"), 0U);
  attempts[0].succeeded("");
  EXPECT_EQ(begin("10.0.0.1", "ann", more), V::go);
  more.failed();
  // One has failed and two are under way: a third one is not unproved at the same time.
  EXPECT_EQ(fails("10.0.0.1", "ann"), V::is_busy);
  attempts[1].failed();
  attempts[2] = {};  // nobody says how it ended
  EXPECT_EQ(failures("10.0.0.1"), 3U);
  EXPECT_EQ(fails("10.0.0.1", "ann"), V::client_is_over);
}

TEST_F(GuardTest, AnAccountIsBusyButForItsClients) {
  succeeds("10.0.0.9", "ann");
  Attempt attempts[5];
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(begin("10.0.1." + std::to_string(i), "ann", attempts[i]), V::go);
  EXPECT_EQ(fails("10.0.1.6", "ann"), V::is_busy);
  EXPECT_EQ(succeeds("10.0.0.9", "ann"), V::go);
}

TEST_F(GuardTest, CountsAnAccountByTheNameThatTheStoreHasForIt) {
  for (int i = 1; i <= 4; ++i)
    fails("10.0.1." + std::to_string(i), "ann@x.ru", "ann");
  EXPECT_EQ(fails("10.0.1.5", "ann"), V::go);
  EXPECT_EQ(fails("10.0.1.6", "ANN"), V::account_is_over);
  EXPECT_EQ(fails("10.0.1.6", "ann@x.ru"), V::account_is_over);
  // Who has logged in by one spelling is at home by the other.
  now_ += 120s;
  EXPECT_EQ(succeeds("10.0.0.9", "ann@x.ru", "Ann"), V::go);
  for (int i = 1; i <= 5; ++i)
    fails("10.0.2." + std::to_string(i), "ann");
  EXPECT_EQ(fails("10.0.2.6", "ann"), V::account_is_over);
  EXPECT_EQ(succeeds("10.0.0.9", "ann", "ann"), V::go);
}

TEST_F(GuardTest, TakesANetworkOfIpv6ForOneClient) {
  for (const char* client : {"2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"})
    EXPECT_EQ(fails(client, "ann"), V::go);
  EXPECT_EQ(guard.ask(at("2001:db8::4"), limits()), V::client_is_over);
  EXPECT_EQ(guard.ask(at("2001:db8:0:1::4"), limits()), V::go);
}

TEST(BoundedMap, ForgetsWhatWasTouchedLongestAgo) {
  BoundedMap<int> map(2);
  map.touch("a") = 1;
  map.touch("b") = 2;
  map.touch("a");
  map.touch("c") = 3;
  EXPECT_EQ(map.size(), 2U);
  ASSERT_NE(map.find("a"), nullptr);
  EXPECT_EQ(*map.find("a"), 1);
  EXPECT_EQ(map.find("b"), nullptr);
  EXPECT_EQ(*map.find("c"), 3);
}

}  // namespace
}  // namespace postern::auth
