// SPDX-License-Identifier: Apache-2.0
#include "directories/answer_cache.h"

#include "directories/breaker.h"
#include "tests/directories/fake_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace postern::directories::testing {
namespace {

using namespace std::chrono_literals;
using routing::Presence;

CacheConfig of_size(std::size_t size) {
  CacheConfig config;
  config.size = size;
  return config;
}

TEST(AnswerCache, NeverHoldsMoreThanItMay) {
  for (const std::size_t size : {1U, 3U, 100U, 10'000U}) {
    AnswerCache cache(of_size(size));
    for (int i = 0; i < 30'000; ++i)
      cache.put("u" + std::to_string(i), Presence::unknown, "no");
    EXPECT_LE(cache.size(), size);
    EXPECT_GT(cache.size() * 10, size * 8);
    EXPECT_TRUE(cache.find("u29999"));
  }
}

TEST(AnswerCache, WhatIsInUseSurvivesAFloodOfInventedAddresses) {
  AnswerCache cache(of_size(100));
  for (int i = 0; i < 20; ++i)
    cache.put("colleague" + std::to_string(i), Presence::known, "yes");
  int lost = 0;
  for (int i = 0; i < 10'000; ++i) {
    cache.put("invented" + std::to_string(i), Presence::unknown, "no");
    if (i % 10 != 0) continue;
    for (int c = 0; c < 20; ++c)
      lost += cache.find("colleague" + std::to_string(c)) ? 0 : 1;
  }
  EXPECT_EQ(lost, 0);
}

TEST(AnswerCache, AnAnswerThatChangesIsTheNewOne) {
  AnswerCache cache(of_size(10));
  cache.put("a", Presence::unknown, "no");
  cache.put("a", Presence::known, "yes");
  ASSERT_TRUE(cache.find("a"));
  EXPECT_EQ(cache.find("a")->presence, Presence::known);
  EXPECT_EQ(cache.size(), 1U);
}

TEST(AnswerCache, GivesEachThreadItsOwnAnswers) {
  AnswerCache cache(of_size(8192));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5000; ++i) {
        const std::string key = std::to_string((i * 7 + t) % 20'000);
        const auto found = cache.find(key);
        if (found && found->evidence != key) ++wrong;
        cache.put(key, Presence::known, key);
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

class BreakerTest : public ::testing::Test {
 protected:
  ManualClock<std::chrono::steady_clock> clock_;
  Breaker breaker_{
      Breaker::Options{.failures = 2, .first_pause = 1s, .longest_pause = 3s, .now = clock_}
  };
};

TEST_F(BreakerTest, OpensAfterSlowFailuresInARow) {
  breaker_.failed(true);
  breaker_.succeeded();
  breaker_.failed(true);
  EXPECT_FALSE(breaker_.is_open());
  breaker_.failed(true);
  EXPECT_TRUE(breaker_.is_open());
  EXPECT_FALSE(breaker_.admit());
}

TEST_F(BreakerTest, FailuresThatHoldNobodyUpDoNotOpenIt) {
  for (int i = 0; i < 100; ++i)
    breaker_.failed(false);
  EXPECT_FALSE(breaker_.is_open());
  EXPECT_TRUE(breaker_.admit());
}

TEST_F(BreakerTest, OneProbesBehindPausesThatDoubleUpToTheLongest) {
  breaker_.failed(true);
  breaker_.failed(true);
  for (const auto pause : {1000ms, 2000ms, 3000ms, 3000ms}) {
    EXPECT_EQ(breaker_.pause(), pause);
    clock_.advance(pause - 1ms);
    EXPECT_FALSE(breaker_.admit());
    clock_.advance(1ms);
    EXPECT_TRUE(breaker_.admit());
    EXPECT_FALSE(breaker_.admit());  // one at a time
    breaker_.failed(false);          // of a probe every failure counts
    EXPECT_TRUE(breaker_.is_open());
  }
}

TEST_F(BreakerTest, AProbeThatIsAnsweredClosesIt) {
  breaker_.failed(true);
  breaker_.failed(true);
  clock_.advance(1s);
  EXPECT_TRUE(breaker_.admit());
  breaker_.succeeded();
  EXPECT_TRUE(breaker_.admit());
  EXPECT_TRUE(breaker_.admit());
  EXPECT_EQ(breaker_.pause(), 0ms);
}

}  // namespace
}  // namespace postern::directories::testing
