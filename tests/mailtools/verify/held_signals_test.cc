// SPDX-License-Identifier: Apache-2.0
#include "mailtools/verify/held_signals.h"

#include <gtest/gtest.h>

#include <pthread.h>

namespace postern::verify {
namespace {

using namespace std::chrono_literals;

TEST(VerifySignals, OneThatComesEndsThePause) {
  const HeldSignals signals;
  for (const int one : {SIGINT, SIGTERM}) {
    EXPECT_FALSE(signals.pause(0ms));
    ASSERT_EQ(pthread_kill(pthread_self(), one), 0);  // ends the process, were it not held
    EXPECT_TRUE(signals.pause(10min));
  }
  EXPECT_FALSE(signals.pause(1ms)) << "each is told once";
}

TEST(VerifySignals, TheMaskIsAsBeforeAndWhatIsIgnoredStaysSo) {
  const auto before = std::signal(SIGINT, SIG_IGN);
  {
    const HeldSignals signals;
    ASSERT_EQ(pthread_kill(pthread_self(), SIGINT), 0);
    EXPECT_FALSE(signals.pause(0ms));
  }
  std::signal(SIGINT, before);
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_EQ(sigismember(&now, SIGTERM), 0);
}

}  // namespace
}  // namespace postern::verify
