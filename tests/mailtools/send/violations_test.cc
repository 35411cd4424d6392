// SPDX-License-Identifier: Apache-2.0
#include "mailtools/send/violations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::send {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr std::string_view kLetter = "A: b\r\n\r\n.dot\r\ntext\r\n";

TEST(SendViolations, WithoutOneTheOctetsAreRight) {
  EXPECT_EQ(spoiled(std::string(kLetter), {}), kLetter);
  EXPECT_EQ(data_octets(kLetter, {}, "MAIL\r\n"), "A: b\r\n\r\n..dot\r\ntext\r\n.\r\n");
  EXPECT_EQ(data_octets("", {}, ""), ".\r\n");
}

TEST(SendViolations, OfTheMessage) {
  const auto tail = [](Violation one) { return spoiled("x\r\n", {one}).substr(3); };
  EXPECT_EQ(tail(Violation::bare_lf), "this line ends with LF alone\nand this one is right\r\n");
  EXPECT_EQ(tail(Violation::bare_cr), "a CR\rwithin a line\r\n");
  EXPECT_EQ(tail(Violation::nul), std::string("a NUL\0within a line\r\n", 21));
  EXPECT_EQ(tail(Violation::long_line), std::string(5000, 'x') + "\r\n");
  EXPECT_EQ(tail(Violation::eight_bit_unasked), "8 bits: \xd0\xb4\xd0\xb0\r\n");
  EXPECT_EQ(data_octets(kLetter, {Violation::no_dot_stuffing}, ""),
            "A: b\r\n\r\n.dot\r\ntext\r\n.\r\n");
  EXPECT_EQ(data_octets("x\r\n", {Violation::no_end}, ""), "x\r\n");
}

TEST(SendViolations, OfTheEnd) {
  const auto octets = [](Violation one) { return data_octets("x\r\n", {one}, "MAIL\r\nDATA\r\n"); };
  EXPECT_THAT(octets(Violation::smuggle_lf), HasSubstr("smuggled\n.\nMAIL\r\nDATA\r\nSubject: "));
  EXPECT_THAT(octets(Violation::smuggle_lf_crlf), HasSubstr("smuggled\n.\r\nMAIL\r\nDATA\r\n"));
  EXPECT_THAT(octets(Violation::smuggle_cr), HasSubstr("smuggled\r.\rMAIL\r\nDATA\r\n"));
  for (const Violation one :
       {Violation::smuggle_lf, Violation::smuggle_lf_crlf, Violation::smuggle_cr}) {
    EXPECT_TRUE(smuggles({one}));
    EXPECT_THAT(octets(one), EndsWith("\r\n.\r\n"));
    EXPECT_EQ(octets(one).find("\r\n.\r\n"), octets(one).size() - 5) << "one true end, the last";
  }
  EXPECT_FALSE(smuggles({Violation::bare_lf}));
}

TEST(SendViolations, EachHasAName) {
  for (const ViolationFacts& facts : all_violations()) {
    EXPECT_EQ(read_violation(facts.name), facts.violation);
    EXPECT_EQ(name_of(facts.violation), facts.name);
    EXPECT_FALSE(facts.what.empty());
  }
  EXPECT_EQ(read_violation("manners"), std::nullopt);
}

}  // namespace
}  // namespace postern::send
