// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/packed.h"

#include "queue/spool/errors.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace postern::spool {
namespace {

std::string pack(std::string_view body) {
  Packer packer;
  const std::vector<std::string_view> parts = {body.substr(0, body.size() / 3),
                                               body.substr(body.size() / 3)};
  return std::string(packer.pack(parts));
}

std::string noise(std::size_t size) {
  std::mt19937 random(7);  // NOLINT: the same each time
  std::string out(size, ' ');
  for (char& c : out)
    c = static_cast<char>(random());
  return out;
}

TEST(Packed, GivesBackWhatWasPacked) {
  for (const std::string& body : {std::string(),
                                  std::string("short"),
                                  std::string(255, 'x'),
                                  std::string(100'000, 'x'),
                                  noise(256),
                                  noise(100'000)}) {
    const auto back = unpack(pack(body));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, body);
  }
}

TEST(Packed, GivesBackWhatRepeatsItselfAndWhatOnlySeemedTo) {
  Packer packer;
  const std::string same(50'000, 'x');
  const std::string other = noise(50'000);
  for (const std::vector<std::string_view>& parts : {
           std::vector<std::string_view>{same   },
           {"front", same, same, "", "end"},
           {same,   other},
           {other,  other},
           {      },
           {"x"}
  }) {
    std::string whole;
    for (const std::string_view part : parts)
      whole += part;
    const std::string packed(packer.pack(parts, Packer::Kind::repeats));
    const auto back = unpack(packed);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, whole);
    EXPECT_LE(packed.size(), whole.size() + 1);
    for (std::size_t less = 1; less < packed.size() && packed.size() < 200; ++less) {
      const auto torn = unpack(std::string_view(packed).substr(0, less));
      EXPECT_FALSE(torn && *torn == whole) << less;
    }
  }
  const std::string_view parts[] = {same, same};
  EXPECT_LT(packer.pack(parts, Packer::Kind::repeats).size(), 200U);
}

TEST(Packed, TakesMoreEffortForWhatDoesNotRepeatItself) {
  const std::string letters = noise(2000);
  std::mt19937 random(11);  // NOLINT: the same each time
  std::string text;
  while (text.size() < 60'000)
    text.append(letters, random() % 1990, 3 + random() % 7) += ' ';
  const std::vector<std::string_view> halves = {std::string_view(text).substr(0, 30'000),
                                                std::string_view(text).substr(30'000)};
  Packer packer;
  const std::string one(packer.pack(halves));
  ASSERT_LT(one.size(), text.size() * 7 / 8) << "it is worth packing";
  EXPECT_EQ(packer.pack(halves, Packer::Kind::repeats), one);
}

TEST(Packed, MakesTextSmallerAndNothingLarger) {
  EXPECT_LT(pack(std::string(10'000, 'x')).size(), 1000U);
  EXPECT_EQ(pack(noise(10'000)).size(), 10'001U);
}

TEST(Packed, KnowsWhatItDidNotPack) {
  std::string packed = pack(std::string(10'000, 'x'));
  for (const std::string& wrong : {std::string(),
                                   std::string("\x02whatever"),
                                   packed.substr(0, packed.size() - 1),
                                   std::string("\x01not a frame")}) {
    const auto back = unpack(wrong);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error(), make_error_code(Errc::damaged));
  }
}

}  // namespace
}  // namespace postern::spool
