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

}  // namespace
}  // namespace postern::smtp
