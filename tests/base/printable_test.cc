// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Printable, KeepsWhatPeopleRead) {
  EXPECT_EQ(printable("5.1.1 <a@company.ru>: no such user"), "5.1.1 <a@company.ru>: no such user");
  EXPECT_EQ(printable("пароль не подходит"), "пароль не подходит");
}

TEST(Printable, MakesOneLineOfSeveral) {
  EXPECT_EQ(printable("\r\n one\r\n\ttwo  three \n"), "one two three");
}

TEST(Printable, TakesAwayWhatATerminalObeys) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a [2Jb");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "2Jb"),
            "a 2Jb")
      << "C1";
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a b")
      << "U+202E turns the line";
  EXPECT_EQ(printable(std::string_view("a\0b\x7f", 4)), "a b");
}

TEST(Printable, TakesAwayWhatIsNotUtf8) {
  EXPECT_EQ(printable("a\xff\xc0\xaf"
                      "b"),
            "a b");
  EXPECT_EQ(printable("a\xed\xa0\x80"
                      "b"),
            "a b")
      << "a surrogate";
  EXPECT_EQ(printable("a\xe0\x80\xaf"
                      "b"),
            "a b")
      << "overlong";
  EXPECT_EQ(printable("a\xd0"), "a") << "cut in the middle";
}

TEST(Printable, CutsWholeCharactersOnly) {
  EXPECT_EQ(printable("abcdefgh", 8), "abcdefgh");
  EXPECT_EQ(printable("abcdefghi", 8), "abcde...");
  EXPECT_EQ(printable("ыыыыы", 8), "ыы...");
  EXPECT_EQ(printable("abc", 2), "");
}

}  // namespace
}  // namespace postern
