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
  counter.take_back("d");
  EXPECT_EQ(counter.size(), 2U);
}

GuardLimits limits() {
  GuardLimits out;
  out.per_client = {3, 60s};
  out.per_account = {5, 60s};
  return out;
}

TEST(FailureGuard, StopsAClientWhateverAccountItTries) {
  FailureGuard guard;
  for (const char* name : {"ann", "bob", "carl"})
    EXPECT_EQ(guard.begin(at("10.0.0.1"), name, limits(), kStart), V::go);
  EXPECT_EQ(guard.begin(at("10.0.0.1"), "dora", limits(), kStart), V::client_is_over);
  EXPECT_EQ(guard.ask(at("10.0.0.1"), limits(), kStart), V::client_is_over);
  EXPECT_EQ(guard.ask(at("10.0.0.2"), limits(), kStart), V::go);
  EXPECT_EQ(guard.failures(at("10.0.0.1"), limits(), kStart), 3U);
  EXPECT_EQ(guard.ask(at("10.0.0.1"), limits(), kStart + 120s), V::go);
}

TEST(FailureGuard, StopsGuessingAtAnAccountFromManyClientsButNotItsOwner) {
  FailureGuard guard;
  EXPECT_EQ(guard.begin(at("10.0.0.9"), "ann", limits(), kStart), V::go);
  guard.succeeded(at("10.0.0.9"), "Ann");
  for (int i = 1; i <= 5; ++i)
    EXPECT_EQ(guard.begin(at("10.0.1." + std::to_string(i)), "ann", limits(), kStart), V::go);
  EXPECT_EQ(guard.begin(at("10.0.1.6"), "ANN", limits(), kStart), V::account_is_over);
  EXPECT_EQ(guard.begin(at("10.0.0.9"), "ann", limits(), kStart), V::go);
  EXPECT_EQ(guard.begin(at("10.0.1.6"), "bob", limits(), kStart), V::go);
}

TEST(FailureGuard, CountsNeitherSuccessesNorWhatNobodyCouldTell) {
  FailureGuard guard;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(guard.begin(at("10.0.0.1"), "ann", limits(), kStart), V::go);
    if (i % 2 == 0) {
      guard.succeeded(at("10.0.0.1"), "ann");
    } else {
      guard.unknown(at("10.0.0.1"), "ann");
    }
  }
  EXPECT_EQ(guard.failures(at("10.0.0.1"), limits(), kStart), 0U);
}

TEST(FailureGuard, TakesANetworkOfIpv6ForOneClient) {
  FailureGuard guard;
  for (const char* client : {"2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"})
    EXPECT_EQ(guard.begin(at(client), "ann", limits(), kStart), V::go);
  EXPECT_EQ(guard.ask(at("2001:db8::4"), limits(), kStart), V::client_is_over);
  EXPECT_EQ(guard.ask(at("2001:db8:0:1::4"), limits(), kStart), V::go);
}

}  // namespace
}  // namespace postern::auth
