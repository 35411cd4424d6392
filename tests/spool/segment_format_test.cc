// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/segment_format.h"

#include "base/crc32c.h"
#include "queue/spool/errors.h"

#include <gtest/gtest.h>

namespace postern::spool::test {
namespace {

constexpr std::size_t kCrcEnds = 8;
constexpr std::size_t kBits = 8;

FrameHead head_with(std::size_t bodies) {
  FrameHead head;
  head.place = {0x0102030405060708ULL, 0x090A0B0CU};
  head.batch_octets = 0x00010203U;
  head.batch_crc = 0xF1F2F3F4U;
  for (std::size_t i = 0; i < bodies; ++i) {
    head.bodies.push_back({MessageId(0xA000'0000'0000'0001ULL + i),
                           static_cast<std::uint32_t>(40'000 + i),
                           static_cast<std::uint32_t>(0xC0DE'0000U + i)});
  }
  return head;
}

void flip_bit(std::string& octets, std::size_t bit) {
  octets[bit / kBits] = static_cast<char>(octets[bit / kBits] ^ 1 << bit % kBits);
}

std::string with_right_checksum(std::string octets) {
  const std::uint32_t crc = crc32c(std::string_view(octets).substr(kCrcEnds));
  for (std::size_t i = 0; i < sizeof crc; ++i)
    octets[4 + i] = static_cast<char>(crc >> (kBits * i) & 0xFFU);
  return octets;
}

TEST(FrameHead, ComesBackAsItWas) {
  for (const std::size_t bodies : {0U, 1U, 2U, 300U}) {
    const FrameHead head = head_with(bodies);
    const std::string octets = encode_frame_head(head);
    EXPECT_EQ(octets.size(), head.head_octets());
    const auto size = frame_head_octets(octets);
    ASSERT_TRUE(size);
    EXPECT_EQ(*size, octets.size());
    const auto again = decode_frame_head(octets);
    ASSERT_TRUE(again) << bodies;
    EXPECT_EQ(*again, head);
    // What comes behind a head in a segment is nothing of its.
    const auto among_others = decode_frame_head(octets + "PSF1 and more");
    ASSERT_TRUE(among_others);
    EXPECT_EQ(*among_others, head);
  }
}

TEST(FrameHead, IsLaidOutAsItIsDocumented) {
  using namespace std::string_view_literals;
  const std::string octets = encode_frame_head(head_with(1));
  EXPECT_EQ(octets.substr(0, 4), "PSF1");
  EXPECT_EQ(octets.substr(kCrcEnds),
            "\x08\x07\x06\x05\x04\x03\x02\x01"
            "\x0C\x0B\x0A\x09"
            "\x01\x00\x00\x00"
            "\x03\x02\x01\x00"
            "\xF4\xF3\xF2\xF1"
            "\x01\x00\x00\x00\x00\x00\x00\xA0"
            "\x40\x9C\x00\x00"
            "\x00\x00\xDE\xC0"sv);
  EXPECT_EQ(octets, with_right_checksum(octets));
}

TEST(FrameHead, KnowsWhatItsFrameTakes) {
  const FrameHead head = head_with(2);
  EXPECT_EQ(head.head_octets(), 32U + 2 * 16U);
  EXPECT_EQ(head.body_octets(), 40'000U + 40'001U);
  EXPECT_EQ(head.octets(), head.head_octets() + head.body_octets() + 0x00010203U);
}

TEST(FrameHead, IsRefusedWithAnyWrongBit) {
  const std::string octets = encode_frame_head(head_with(3));
  // Room behind it: a wrong count of bodies must not be told by the end alone.
  const std::string behind(1U << 21, '\0');
  std::string all = octets + behind;
  for (std::size_t bit = 0; bit < kBits * octets.size(); ++bit) {
    flip_bit(all, bit);
    const auto head = decode_frame_head(all);
    EXPECT_FALSE(head) << "bit " << bit;
    if (!head) EXPECT_EQ(head.error(), make_error_code(Errc::bad_record));
    flip_bit(all, bit);
  }
}

TEST(FrameHead, IsRefusedWhereItIsCutOff) {
  const std::string octets = encode_frame_head(head_with(3));
  for (std::size_t size = 0; size < octets.size(); ++size) {
    const auto head = decode_frame_head(std::string_view(octets).substr(0, size));
    ASSERT_FALSE(head) << size;
    EXPECT_EQ(head.error(), make_error_code(Errc::bad_record));
  }
}

TEST(FrameHead, HasNoMoreBodiesThanAllowed) {
  FrameHead head;
  head.bodies.resize(FrameHead::kMostBodies);
  EXPECT_TRUE(decode_frame_head(encode_frame_head(head)));
  head.bodies.emplace_back();
  const std::string octets = encode_frame_head(head);
  EXPECT_FALSE(frame_head_octets(octets));
  EXPECT_FALSE(decode_frame_head(octets));
}

TEST(FrameHead, HasNoMoreOctetsThanAllowed) {
  FrameHead head = head_with(1);
  head.batch_octets = 0;
  const std::uint64_t fixed = head.head_octets();
  head.bodies[0].octets = static_cast<std::uint32_t>(FrameHead::kMostOctets - fixed);
  EXPECT_TRUE(decode_frame_head(encode_frame_head(head)));
  head.batch_octets = 1;
  EXPECT_FALSE(decode_frame_head(encode_frame_head(head)));
  // Sums do not run over: many of the largest bodies there are.
  head.bodies.resize(FrameHead::kMostBodies);
  for (FrameBody& body : head.bodies)
    body.octets = ~std::uint32_t{0};
  EXPECT_EQ(head.body_octets(), FrameHead::kMostBodies * 0xFFFF'FFFFULL);
  EXPECT_FALSE(decode_frame_head(encode_frame_head(head)));
}

TEST(FrameHead, IsNoOtherThing) {
  EXPECT_FALSE(decode_frame_head(std::string(4096, '\0')));
  EXPECT_FALSE(decode_frame_head(std::string(4096, 'P')));
  EXPECT_FALSE(decode_frame_head(with_right_checksum("PSF2" + std::string(28, '\0'))));
  EXPECT_TRUE(decode_frame_head(with_right_checksum("PSF1" + std::string(28, '\0'))));
}

TEST(SegmentPlace, ComesBackAsItWas) {
  const SegmentPlace place{0x1122334455667788ULL, 0x99AABBCCU, 0xDDEEFF00U, 0x12345678U};
  const std::string octets = encode_segment_place(place);
  ASSERT_EQ(octets.size(), SegmentPlace::kOctets);
  const auto again = decode_segment_place(octets);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, place);
}

TEST(SegmentPlace, HasNoOtherLength) {
  const std::string octets = encode_segment_place({1, 2, 3, 4}) + "+";
  for (std::size_t size = 0; size <= octets.size(); ++size) {
    const auto place = decode_segment_place(std::string_view(octets).substr(0, size));
    EXPECT_EQ(static_cast<bool>(place), size == SegmentPlace::kOctets) << size;
  }
}

}  // namespace
}  // namespace postern::spool::test
