// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_health.h"

#include "base/ip.h"

#include <gtest/gtest.h>

#include <thread>

namespace postern::queue {
namespace {

using namespace std::chrono_literals;

class HopHealthTest : public ::testing::Test {
 protected:
  HopHealthTest() : health(HealthPolicy{60s, 300s, 4}) {}

  static net::Endpoint host(unsigned number) {
    return {*parse_ip("10.0.0." + std::to_string(number)), 25};
  }
  /// A connection that began at this moment and fails at once.
  void fail(unsigned number = 1, bool busy = false, const HostUse& use = {"vk", "h"}) {
    health.failed(host(number), use, HostFailure{"refused", now, busy}, now);
  }
  void succeed(unsigned number = 1) { health.answered(host(number), {"vk", "h"}, now); }
  /// How long searches pass it over from now on.
  net::Clock::duration avoided(unsigned number = 1) const {
    const net::TimePoint until = health.avoided_until(host(number), now);
    return until == net::TimePoint() ? 0s : until - now;
  }

  HopHealth health;
  net::TimePoint now{net::TimePoint() + 1h};
};

TEST_F(HopHealthTest, PassesAHostOverForAWhileAfterItsFailure) {
  EXPECT_EQ(avoided(), 0s);
  fail();
  EXPECT_EQ(avoided(), 60s);
  EXPECT_EQ(avoided(2), 0s);
  now += 59s;
  EXPECT_EQ(avoided(), 1s);
  now += 1s;
  EXPECT_EQ(avoided(), 0s);
}

TEST_F(HopHealthTest, DoublesThePenaltyUpToTheLongest) {
  for (const auto penalty : {60s, 120s, 240s, 300s, 300s}) {
    fail();
    EXPECT_EQ(avoided(), penalty);
    now += penalty;
  }
}

TEST_F(HopHealthTest, EndsThePenaltyWithASuccessAndForgetsStepByStep) {
  for (int i = 0; i < 3; ++i) {
    fail();
    now += 1s;
  }
  EXPECT_EQ(avoided(), 239s);
  succeed();
  EXPECT_EQ(avoided(), 0s);
  fail();
  EXPECT_EQ(avoided(), 120s) << "half of what was known counts on";
  succeed();
  succeed();
  now += 1s;
  fail();
  EXPECT_EQ(avoided(), 60s);
}

TEST_F(HopHealthTest, ForgetsFailuresOfLongAgo) {
  fail();
  now += 1s;
  fail();
  now += 601s;
  fail();
  EXPECT_EQ(avoided(), 60s);
}

TEST_F(HopHealthTest, CountsConnectionsThatFailTogetherOnce) {
  const net::TimePoint began = now;
  now += 30s;
  for (int i = 0; i < 10; ++i)
    health.failed(host(1), {"vk", "h"}, HostFailure{"timed out", began, false}, now);
  EXPECT_EQ(avoided(), 60s);
  EXPECT_EQ(health.all().at(host(1)).level, 1U);
}

TEST_F(HopHealthTest, DoublesNothingForAHostThatIsBusy) {
  for (int i = 0; i < 3; ++i) {
    fail(1, true);
    EXPECT_EQ(avoided(), 60s);
    now += 10s;
  }
  EXPECT_EQ(health.all().at(host(1)).level, 0U);
}

TEST_F(HopHealthTest, TakesAProbesWordUntilItLapses) {
  EXPECT_TRUE(
      health.probed(host(1), {"vk", "h"}, HostState::Probe{now, false, "timed out"}, now + 90s));
  EXPECT_EQ(avoided(), 90s);
  EXPECT_EQ(health.all().at(host(1)).failure, "timed out");
  EXPECT_FALSE(
      health.probed(host(1), {"vk", "h"}, HostState::Probe{now, false, "timed out"}, now + 95s));
  now += 95s;
  EXPECT_EQ(avoided(), 0s) << "nobody has said it again";
}

TEST_F(HopHealthTest, EndsEveryPenaltyWithAGoodProbe) {
  fail();
  health.probed(host(1), {"vk", "h"}, HostState::Probe{now, false, "refused"}, now + 90s);
  now += 1s;
  EXPECT_TRUE(health.probed(host(1), {"vk", "h"}, HostState::Probe{now, true, ""}, now + 90s));
  EXPECT_EQ(avoided(), 0s);
  EXPECT_FALSE(health.probed(host(2), {"vk", "i"}, HostState::Probe{now, true, ""}, now + 90s))
      << "nothing was said against it before";
}

TEST_F(HopHealthTest, LetsNoProbeEndAPenaltyForWhatProbesDoNotTry) {
  const HostUse use{"vk", "h"};
  const auto probe = [&](bool good) {
    health.probed(host(1), use, HostState::Probe{now, good, good ? "" : "refused"}, now + 400s);
  };
  health.failed(host(1), use, HostFailure{"lost while sending MAIL", now, false, true}, now);
  now += 1s;
  probe(true);
  EXPECT_EQ(avoided(), 59s);
  probe(false);
  EXPECT_EQ(avoided(), 400s);
  probe(true);
  EXPECT_EQ(avoided(), 59s) << "what the probe itself said is over";
  fail();
  probe(true);
  EXPECT_EQ(avoided(), 120s) << "a refused connection beside it makes it no better";
  succeed();
  EXPECT_EQ(avoided(), 0s);
  now += 1s;
  fail();
  probe(true);
  EXPECT_EQ(avoided(), 0s) << "nothing of the first kind is left";
}

TEST_F(HopHealthTest, ForgetsThatAFailureWasWithinASessionWithItsPenalty) {
  const HostUse use{"vk", "h"};
  health.failed(host(1), use, HostFailure{"lost while sending MAIL", now, false, true}, now);
  now += 61s;
  fail();
  EXPECT_EQ(avoided(), 120s);
  health.probed(host(1), use, HostState::Probe{now, true, ""}, now + 90s);
  EXPECT_EQ(avoided(), 0s);
}

TEST_F(HopHealthTest, ForgetsAProbesWordWhenNobodyProbesAnyMore) {
  for (const unsigned number : {1U, 2U}) {
    const HostUse use{"vk", std::to_string(number)};
    health.probed(host(number), use, HostState::Probe{now, false, "refused"}, now + 90s);
  }
  fail(3);
  health.end_probes({"vk", "1"});
  EXPECT_EQ(avoided(1), 0s);
  EXPECT_FALSE(health.all().at(host(1)).probe);
  EXPECT_EQ(avoided(2), 90s);
  EXPECT_EQ(avoided(3), 60s);
}

TEST_F(HopHealthTest, LetsASuccessSayMoreThanAProbe) {
  health.probed(host(1), {"vk", "h"}, HostState::Probe{now, false, "refused"}, now + 90s);
  succeed();
  EXPECT_EQ(avoided(), 0s);
}

TEST_F(HopHealthTest, RemembersTheWorldsMxHostsInTroubleAlone) {
  health.answered(host(1), HostUse(), now);
  EXPECT_TRUE(health.all().empty());
  fail(1, false, HostUse());
  health.answered(host(1), HostUse(), now);
  EXPECT_EQ(health.all().size(), 1U);
  EXPECT_EQ(avoided(), 0s);
}

TEST_F(HopHealthTest, IsBoundedAndKeepsTheNamedOnes) {
  succeed(1);
  for (unsigned i = 2; i < 20; ++i) {
    now += 1s;
    fail(i, false, HostUse());
  }
  const auto all = health.all();
  EXPECT_EQ(all.size(), 4U);
  EXPECT_TRUE(all.contains(host(1)));
  EXPECT_TRUE(all.contains(host(19)));
  EXPECT_FALSE(all.contains(host(2)));
}

TEST_F(HopHealthTest, MayBeUsedByAllWorkers) {
  std::vector<std::thread> workers;
  for (unsigned w = 1; w <= 3; ++w) {
    workers.emplace_back([this, w] {
      for (int i = 0; i < 1000; ++i) {
        fail(w);
        avoided(1 + (w % 3));
        succeed(w);
      }
    });
  }
  for (std::thread& worker : workers)
    worker.join();
  for (unsigned w = 1; w <= 3; ++w)
    EXPECT_EQ(avoided(w), 0s);
}

}  // namespace
}  // namespace postern::queue
