// SPDX-License-Identifier: Apache-2.0
#include "smtp/session/input_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace postern::smtp {
namespace {

void put(InputBuffer& buffer, std::string_view octets) {
  const std::span<char> space = buffer.space();
  ASSERT_GE(space.size(), octets.size());
  std::copy(octets.begin(), octets.end(), space.begin());
  buffer.commit(octets.size());
}

TEST(InputBuffer, KeepsWhatIsNotConsumed) {
  InputBuffer buffer;
  put(buffer, "NOOP\r\nRS");
  buffer.consume(6);
  put(buffer, "ET\r\n");
  EXPECT_EQ(buffer.view(), "RSET\r\n");
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
}

TEST(InputBuffer, AParkedLineGoesOn) {
  InputBuffer buffer;
  put(buffer, "NOOP\r\nMA");
  buffer.consume(6);
  const char* const block = buffer.data();
  buffer.park();
  EXPECT_EQ(buffer.view(), "MA");
  EXPECT_NE(buffer.data(), block);
  put(buffer, "IL");
  EXPECT_EQ(buffer.view(), "MAIL");
  buffer.park();
  buffer.park();
  put(buffer, " FROM");
  EXPECT_EQ(buffer.view(), "MAIL FROM");
}

TEST(InputBuffer, TheBlockOfAParkedLineIsAnothers) {
  InputBuffer buffer;
  put(buffer, "MA");
  const char* const block = buffer.data();
  buffer.park();
  InputBuffer other;
  put(other, "QUIT");
  EXPECT_EQ(other.data(), block);
  EXPECT_EQ(buffer.view(), "MA");
}

TEST(InputBuffer, AParkedLineCanBeConsumed) {
  InputBuffer buffer;
  put(buffer, "abcd");
  buffer.park();
  buffer.consume(1);
  put(buffer, "e");
  EXPECT_EQ(buffer.view(), "bcde");
  buffer.park();
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.space().size(), InputBuffer::kBlockOctets);
}

TEST(InputBuffer, NothingAndMuchAreNotParked) {
  InputBuffer buffer;
  buffer.park();
  EXPECT_TRUE(buffer.empty());
  put(buffer, std::string(InputBuffer::kParkedOctets + 1, 'x'));
  const char* const block = buffer.data();
  buffer.park();
  EXPECT_EQ(buffer.data(), block);
}

using Kind = InputBuffer::Line::Kind;

TEST(InputBuffer, ALineIsAtTheFrontOnceItsEndHasCome) {
  InputBuffer buffer;
  EXPECT_EQ(buffer.next_line(10).kind, Kind::unfinished);
  put(buffer, "NOOP\r");
  EXPECT_EQ(buffer.next_line(10).kind, Kind::unfinished);
  put(buffer, "\nRSET\n");
  const InputBuffer::Line noop = buffer.next_line(10);
  EXPECT_EQ(noop.kind, Kind::complete);
  EXPECT_EQ(noop.text(buffer.view()), "NOOP");
  buffer.consume(noop.octets);
  const InputBuffer::Line rset = buffer.next_line(10);
  EXPECT_EQ(rset.kind, Kind::bare_lf);
  EXPECT_EQ(rset.text(buffer.view()), "RSET");
  buffer.consume(rset.octets);
  EXPECT_TRUE(buffer.empty());
}

TEST(InputBuffer, TheLimitCountsTheLineEnd) {
  InputBuffer buffer;
  put(buffer, "12345678\r\n");
  EXPECT_EQ(buffer.next_line(10).kind, Kind::complete);
  EXPECT_EQ(buffer.next_line(9).kind, Kind::too_long);
}

TEST(InputBuffer, OfALineThatIsTooLongNothingIsHeld) {
  InputBuffer buffer;
  put(buffer, std::string(11, 'x'));
  EXPECT_EQ(buffer.next_line(10).kind, Kind::unfinished);
  EXPECT_TRUE(buffer.empty());
  put(buffer, "short\r\nNOOP\r\n");
  const InputBuffer::Line rest = buffer.next_line(10);
  EXPECT_EQ(rest.kind, Kind::too_long) << "its end is no line of its own";
  buffer.consume(rest.octets);
  EXPECT_EQ(buffer.next_line(10).kind, Kind::complete);
}

}  // namespace
}  // namespace postern::smtp
