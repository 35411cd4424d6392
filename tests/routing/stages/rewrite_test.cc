// SPDX-License-Identifier: Apache-2.0
#include "tests/routing/ways_world.h"

#include <gtest/gtest.h>

namespace postern::routing::testing {
namespace {

class RewriteTest : public ::testing::Test {
 protected:
  TemporaryFile map_{"# leavers\nn.new@company.ru i.ivanov@company.ru\n"};
  WaysWorld world_{[this](Config& c) {
    c.rewrites = {
        RewriteRule{"@old.ru",        "@company.ru",         ""         },
        RewriteRule{"chief@old.ru",   "v.vetrov@company.ru", ""         },
        RewriteRule{"",               "",                    map_.path()},
        RewriteRule{"out@company.ru", "home@corp.com",       ""         },
    };
  }};
};

TEST_F(RewriteTest, AWholeDomainKeepsTheLocalPartAndTakesTheNewDomainsWay) {
  EXPECT_EQ(world_.outcome({kService, "i.ivanov@OLD.ru"}), "exchange i.ivanov@company.ru");
}

TEST_F(RewriteTest, AnExactAddressCountsBeforeItsDomainAndKeepsItsTag) {
  EXPECT_EQ(world_.outcome({kService, "Chief+x@old.ru"}), "vk v.vetrov+x@tech.company.ru")
      << "cut over (R5)";
}

TEST_F(RewriteTest, OnePassAndNoChain) {
  EXPECT_EQ(world_.outcome({kService, "n.new@old.ru"}), "exchange n.new@company.ru")
      << "and not on to i.ivanov by the map";
  EXPECT_EQ(world_.outcome({kStranger, "n.new@company.ru"}), "exchange i.ivanov@company.ru");
}

TEST_F(RewriteTest, AccessIsAskedForTheAddressThatTheClientSaidR2) {
  EXPECT_EQ(world_.outcome({kStranger, "i.ivanov@old.ru"}), "550 5.7.1 relay_access");
  EXPECT_EQ(world_.outcome({kStranger, "out@company.ru"}), "dlp home@corp.com")
      << "an administrator's forward of a mailbox of ours (R1)";
}

TEST_F(RewriteTest, SubdomainsAreOthersR8a) {
  EXPECT_EQ(world_.outcome({kService, "a@sub.old.ru"}), "dlp a@sub.old.ru");
}

TEST_F(RewriteTest, AMapThatCannotBeReadDefers) {
  WaysWorld lost([](Config& c) {
    c.rewrites = {
        RewriteRule{"", "", "/no/such/map"}
    };
  });
  EXPECT_EQ(lost.outcome({kStranger, "n.new@company.ru"}), "451 4.4.3 rewrite");
}

}  // namespace
}  // namespace postern::routing::testing
