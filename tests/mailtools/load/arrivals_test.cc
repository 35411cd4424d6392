// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/arrivals.h"

#include "mailtools/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace postern::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr net::TimePoint kStart{seconds(1000)};

std::vector<net::TimePoint> due(Arrivals arrivals, net::TimePoint end) {
  std::vector<net::TimePoint> out;
  for (; arrivals.due() < end; arrivals.pop())
    out.push_back(arrivals.due());
  return out;
}

TEST(Arrivals, ConstantOnesComeAtTheirRateAndDoNotDrift) {
  const auto times = due(Arrivals(ArrivalKind::constant, 300, kStart, 0, 1), kStart + seconds(100));
  ASSERT_EQ(times.size(), 30'000U);
  EXPECT_EQ(times.front(), kStart);
  EXPECT_EQ(times[15'000], kStart + seconds(50));
  EXPECT_EQ(times[29'700], kStart + seconds(99));
}

TEST(Arrivals, ThePartsOfAConstantScheduleAreTheWhole) {
  const net::TimePoint end = kStart + seconds(10);
  const auto whole = due(Arrivals(ArrivalKind::constant, 70, kStart, 0, 1), end);
  std::vector<net::TimePoint> parts;
  for (std::size_t part = 0; part < 3; ++part) {
    const auto some = due(Arrivals(ArrivalKind::constant, 70, kStart, part, 3), end);
    parts.insert(parts.end(), some.begin(), some.end());
  }
  std::sort(parts.begin(), parts.end());
  EXPECT_EQ(parts, whole);
}

TEST(Arrivals, PoissonOnesKeepTheRateOnAverageAndComeInBursts) {
  const net::TimePoint end = kStart + seconds(100);
  std::vector<net::TimePoint> all;
  for (std::size_t part = 0; part < 2; ++part) {
    const auto some = due(Arrivals(ArrivalKind::poisson, 200, kStart, part, 2), end);
    EXPECT_TRUE(std::is_sorted(some.begin(), some.end()));
    all.insert(all.end(), some.begin(), some.end());
  }
  // 20,000 with a standard deviation of 141; the draws are the same each time.
  EXPECT_NEAR(static_cast<double>(all.size()), 20'000, 600);
  std::sort(all.begin(), all.end());
  // Of a Poisson process 63 % of the gaps are shorter than the mean; of a constant one none is.
  std::size_t shorter = 0;
  for (std::size_t i = 1; i < all.size(); ++i)
    shorter += all[i] - all[i - 1] < milliseconds(5) ? 1U : 0U;
  EXPECT_NEAR(static_cast<double>(shorter) / static_cast<double>(all.size()), 0.632, 0.02);
}

/// One session to a server that answers after 1 ms, and once after a second.
struct Server {
  net::TimePoint free_at = kStart;
  net::TimePoint answer(net::TimePoint asked) {
    const net::TimePoint begun = std::max(asked, free_at);
    const bool stalls = begun >= kStart + seconds(2) && !stalled;
    stalled = stalled || stalls;
    free_at = begun + (stalls ? milliseconds(1000) : milliseconds(1));
    return free_at;
  }
  bool stalled = false;
};

TEST(Arrivals, AServerThatStallsShowsInThePercentilesOfTheOpenLoopAlone) {
  Histogram open;
  Server server;
  Arrivals arrivals(ArrivalKind::constant, 100, kStart, 0, 1);
  for (; arrivals.due() < kStart + seconds(10); arrivals.pop())
    open.record(server.answer(arrivals.due()) - arrivals.due());
  Histogram closed;
  Server again;
  for (net::TimePoint now = kStart; now < kStart + seconds(10); now = again.free_at) {
    const net::TimePoint asked = now;
    closed.record(again.answer(asked) - asked);
  }
  EXPECT_EQ(open.count(), 1000U);
  // A hundred were due in that second, and each waited for what was left of it.
  EXPECT_GT(open.at(0.95), milliseconds(400));
  EXPECT_GT(open.at(0.99), milliseconds(850));
  EXPECT_EQ(open.max(), milliseconds(1000));
  // The closed loop sent nothing meanwhile: one letter of thousands.
  EXPECT_LT(closed.at(0.999), milliseconds(2));
}

}  // namespace
}  // namespace postern::load
