// SPDX-License-Identifier: Apache-2.0
#include "gateway/own_addresses.h"

#include "base/ip.h"

#include <gmock/gmock.h>

namespace postern::gateway {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

net::Endpoint at(const char* address, std::uint16_t port) {
  return {*parse_ip(address), port};
}

TEST(OwnEndpoints, AListenerWithAnAddressIsThereAlone) {
  EXPECT_THAT(own_endpoints({at("127.0.0.9", 25)}), ElementsAre(at("127.0.0.9", 25)));
}

TEST(OwnEndpoints, AWildcardIsAtEveryAddressOfItsFamily) {
  const std::vector<net::Endpoint> own = own_endpoints({at("0.0.0.0", 2525)});
  EXPECT_THAT(own, Contains(at("127.0.0.1", 2525)));
  EXPECT_THAT(own, Not(Contains(at("0.0.0.0", 2525))));
  for (const net::Endpoint& endpoint : own)
    EXPECT_TRUE(endpoint.address().is_v4());
}

}  // namespace
}  // namespace postern::gateway
