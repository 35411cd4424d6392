// SPDX-License-Identifier: Apache-2.0
#include "gateway/file_limit.h"

#include "gateway/config.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

namespace postern::gateway {
namespace {

rlimit file_limit() {
  rlimit limit{};
  EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  return limit;
}

TEST(FileLimit, IsRaisedToWhatTheSystemAllows) {
  const rlimit before = file_limit();
  rlimit low = before;
  low.rlim_cur = 256;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_file_limit(), before.rlim_max);
  EXPECT_EQ(file_limit().rlim_cur, before.rlim_max);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(FileLimit, EachSessionWantsAFile) {
  Config config;
  const std::uint64_t some = files_wanted(config);
  config.limits.sessions += 5000;
  EXPECT_EQ(files_wanted(config), some + 5000);
}

TEST(FileLimit, EachConnectionToANextHopWantsAFile) {
  Config config;
  const std::uint64_t some = files_wanted(config);
  routing::NextHop hop;
  hop.hosts.resize(3);
  hop.limits.connections_per_host = 700;
  config.routing.next_hops = {hop, hop};
  EXPECT_EQ(files_wanted(config), some + 2 * 3 * 700);
}

TEST(FileLimit, WhatIsTooLittleIsTold) {
  const rlimit before = file_limit();
  rlimit low = before;
  low.rlim_cur = 512;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  Config config;
  config.limits.sessions = 5000;
  const std::string told = too_few_files(config);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(told.starts_with("512 open files are allowed, ")) << told;
}

}  // namespace
}  // namespace postern::gateway
