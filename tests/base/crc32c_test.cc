// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace postern {
namespace {

using Checksum = std::uint32_t (*)(std::string_view, std::uint32_t);

class Crc32c : public testing::TestWithParam<Checksum> {
 protected:
  static std::uint32_t of(std::string_view octets, std::uint32_t before = 0) {
    return GetParam()(octets, before);
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Crc32c, testing::Values(&crc32c, &crc32c_by_tables));

std::string any_octets(std::size_t size) {
  std::mt19937 random(1);
  std::string out(size, '\0');
  for (char& c : out)
    c = static_cast<char>(random());
  return out;
}

// RFC 3720 appendix B.4.
TEST_P(Crc32c, GivesTheValuesOfTheRfc) {
  EXPECT_EQ(of(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(of(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(of("123456789"), 0xe3069283U);
  EXPECT_EQ(of(""), 0U);
}

TEST_P(Crc32c, IsTheSameInPieces) {
  const std::string all = any_octets(20'000);
  const std::string_view view(all);
  for (const std::size_t cut :
       {0U, 1U, 7U, 8U, 9U, 40U, 3071U, 3072U, 3073U, 6143U, 6144U, 9999U, 20000U})
    EXPECT_EQ(of(view.substr(cut), of(view.substr(0, cut))), of(all)) << cut;
}

TEST(Crc32cOfAnyProcessor, IsThatOfTheTables) {
  const std::string all = any_octets(3 * 3072 + 20);
  for (std::size_t size = 0; size <= all.size(); size += size < 100 ? 1 : 61) {
    const std::string_view part = std::string_view(all).substr(all.size() - size);
    EXPECT_EQ(crc32c(part, 7), crc32c_by_tables(part, 7)) << size;
  }
}

}  // namespace
}  // namespace postern
