// SPDX-License-Identifier: Apache-2.0
#include "smtp/dot_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace postern::smtp {
namespace {

/// The meaning of find_dot_line(), octet by octet.
std::size_t plainly(std::string_view octets, std::size_t from) {
  for (std::size_t i = std::max<std::size_t>(from, 1); i < octets.size(); ++i) {
    if (octets[i - 1] == '\n' && octets[i] == '.') return i;
  }
  return std::string_view::npos;
}

TEST(DotLines, AreFoundAtEveryPlaceOfEveryLength) {
  // Around the 32 octets of a step, also as the last octets.
  for (std::size_t size = 2; size < 110; ++size) {
    for (std::size_t at = 0; at + 2 <= size; ++at) {
      std::string octets(size, 'x');
      octets.replace(at, 2, "\n.");
      EXPECT_EQ(find_dot_line(octets), at + 1) << size;
    }
  }
}

TEST(DotLines, AreSoughtFromThePlaceThatIsSaid) {
  std::string octets;
  for (int i = 0; i < 12; ++i)
    octets += "\n.\n..\nxx.\n";
  for (std::size_t from = 0; from < octets.size(); ++from)
    EXPECT_EQ(find_dot_line(octets, from), plainly(octets, from)) << from;
}

TEST(DotLines, AreNotWhereLfOrDotIsMissing) {
  for (const std::string_view octets : {"", ".", "\n", ".\n", "\r\n", "..", "\n\n", "\nx."})
    EXPECT_EQ(find_dot_line(octets), std::string_view::npos) << octets;
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += ".\r\nx.";
  EXPECT_EQ(find_dot_line(many), std::string_view::npos);
}

TEST(DotLines, AreNotSoughtBehindTheEnd) {
  // The octet behind the view is a dot.
  const std::string octets = std::string(63, 'x') + "\n.";
  EXPECT_EQ(find_dot_line(std::string_view(octets).substr(0, 64)), std::string_view::npos);
}

}  // namespace
}  // namespace postern::smtp
