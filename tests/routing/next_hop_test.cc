// SPDX-License-Identifier: Apache-2.0
#include "routing/next_hop.h"

#include <gtest/gtest.h>

namespace postern::routing {
namespace {

TEST(HostSpec, IsWrittenAsTheConfigHasIt) {
  EXPECT_EQ((HostSpec{"10.0.0.5", 25, false}).str(), "10.0.0.5:25");
  EXPECT_EQ((HostSpec{"2001:db8::1", 2525, false}).str(), "[2001:db8::1]:2525");
  EXPECT_EQ((HostSpec{"mail.company.ru", 25, false}).str(), "mail.company.ru:25");
  EXPECT_EQ((HostSpec{"company.ru", 25, true}).str(), "mx:company.ru");
}

TEST(NextHopLimits, StayBelowWhatExchangeCutsOff) {
  const NextHopLimits limits = NextHopLimits::for_behaviour(Behaviour::exchange);
  EXPECT_EQ(limits.connections_per_host, 12U);
  EXPECT_EQ(limits.recipients_per_transaction, 200U);
  EXPECT_LT(limits.connection_lifetime, std::chrono::minutes(9));
  EXPECT_LT(limits.idle, std::chrono::minutes(5));
  EXPECT_GT(NextHopLimits::for_behaviour(Behaviour::relay).connections_per_host, 12U);
}

}  // namespace
}  // namespace postern::routing
