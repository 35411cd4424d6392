// SPDX-License-Identifier: Apache-2.0
#include "directories/printable.h"

#include <gtest/gtest.h>

namespace postern::directories::testing {
namespace {

TEST(Printable, ALineStaysALine) {
  EXPECT_EQ(printable("a\r\n250 ok\tb\x1b[2J"), "a 250 ok b?[2J");
  EXPECT_EQ(printable("  a  b \n"), "a b");
}

TEST(Printable, KeepsTextOfAnyLanguageAndDropsWhatIsNone) {
  EXPECT_EQ(printable("cn=Иван 😀"), "cn=Иван 😀");
  EXPECT_EQ(printable("\xff\xc0\x80\xed\xa0\x80z"), "??????z") << "no UTF-8, one mark an octet";
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b\xc2\x9b"
                      "c"),
            "a?b?c")
      << "direction marks, C1";
}

TEST(Printable, ActiveDirectoryEndsItsTextsWithNul) {
  EXPECT_EQ(printable(std::string_view("AcceptSecurityContext error\0", 28)),
            "AcceptSecurityContext error");
}

TEST(Printable, IsNoLongerThanItsLimit) {
  EXPECT_EQ(printable(std::string(500, 'x'), 10), std::string(10, 'x') + "...");
  EXPECT_EQ(printable(std::string(10, 'x'), 10), std::string(10, 'x'));
}

}  // namespace
}  // namespace postern::directories::testing
