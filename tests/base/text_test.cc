// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <utility>

namespace postern {
namespace {

/// A literal, a text that fits into a std::string itself, and one that needs memory of its own.
constexpr const char* kLiteral = "no route";
const std::string kShort = "owned";
const std::string kLong = "owned, and longer than the 15 octets of a short string";

Text literal() {
  return Text::literal(kLiteral);
}

static_assert(std::is_nothrow_move_constructible_v<Text>);
static_assert(std::is_nothrow_move_assignable_v<Text>);

TEST(Text, IsEmptyUnlessToldOtherwise) {
  const Text text;
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text.view(), "");
  EXPECT_TRUE(Text(std::string()).empty());
  EXPECT_FALSE("x"_text.empty());
}

TEST(Text, ALiteralIsNotCopied) {
  const Text text = literal();
  EXPECT_EQ(text.view().data(), kLiteral);
  const Text copy = text;  // NOLINT(performance-unnecessary-copy-initialization): is tested
  EXPECT_EQ(copy.view().data(), kLiteral);
  Text moved = Text(copy);
  EXPECT_EQ(moved.view().data(), kLiteral);
  EXPECT_EQ(("a\0b"_text).view().size(), 3U);
}

TEST(Text, ComparesByWhatItSays) {
  EXPECT_EQ("owned"_text, Text(kShort));
  EXPECT_FALSE("owned"_text == Text(kLong));
  EXPECT_EQ(Text(kLong).str(), kLong);
}

/// Each kind in turn.
class TextOf : public testing::TestWithParam<Text (*)()> {
 protected:
  Text make() const { return GetParam()(); }
  const std::string says = make().str();
};

TEST_P(TextOf, IsCopied) {
  const Text from = make();
  {
    const Text copy = from;  // NOLINT(performance-unnecessary-copy-initialization): is tested
    EXPECT_EQ(copy.view(), says);
  }
  EXPECT_EQ(from.view(), says) << "the copy took it along";
}

TEST_P(TextOf, IsMovedAndThenAssignedAgain) {
  Text from = make();
  const Text to = std::move(from);
  EXPECT_EQ(to.view(), says);
  from = Text(kLong);  // NOLINT(bugprone-use-after-move): may be
  EXPECT_EQ(from.view(), kLong);
  EXPECT_EQ(to.view(), says);
}

TEST_P(TextOf, IsMovedAndThenAssignedALiteral) {
  Text from = make();
  const Text to = std::move(from);
  from = literal();
  EXPECT_EQ(from.view(), kLiteral);
  EXPECT_EQ(to.view(), says);
}

TEST_P(TextOf, StaysWhatItIsAssignedToItself) {
  Text text = make();
  Text& same = text;
  text = same;
  EXPECT_EQ(text.view(), says);
  text = std::move(same);
  EXPECT_EQ(text.view(), says);
}

TEST_P(TextOf, IsAssignedOverEachKind) {
  for (const Text& before : {literal(), Text(kShort), Text(kLong), Text()}) {
    const Text from = make();
    Text copied = before;
    copied = from;
    EXPECT_EQ(copied.view(), says);
    EXPECT_EQ(from.view(), says);
    Text moved = before;
    moved = make();
    EXPECT_EQ(moved.view(), says);
    moved = before;
    EXPECT_EQ(moved, before);
  }
}

TEST_P(TextOf, IsSwapped) {
  for (const Text& before : {literal(), Text(kShort), Text(kLong)}) {
    Text one = make();
    Text other = before;
    std::swap(one, other);
    EXPECT_EQ(one, before);
    EXPECT_EQ(other.view(), says);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds,
                         TextOf,
                         testing::Values(
                             +[] { return literal(); },
                             +[] { return Text(kShort); },
                             +[] { return Text(kLong); },
                             +[] { return Text(); }));

TEST(Text, AnOwnedOneIsMovedWithoutItsOctetsBeingCopied) {
  Text from(kLong);
  const char* const octets = from.view().data();
  Text to;
  to = std::move(from);
  EXPECT_EQ(to.view().data(), octets);
  const Text once_more = std::move(to);
  EXPECT_EQ(once_more.view().data(), octets);
}

}  // namespace
}  // namespace postern
