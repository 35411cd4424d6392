// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/segment_format.h"

#include "base/crc32c.h"
#include "queue/spool/errors.h"

namespace postern::spool {
namespace {

constexpr std::string_view kFrameMagic = "PSF1";
constexpr std::size_t kCrcAt = 4;
constexpr std::size_t kCheckedAt = 8;
constexpr std::size_t kCountAt = 20;

template <class Number>
void put_number(std::string& to, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    to += static_cast<char>(number >> (8 * i) & 0xFFU);
}

/// The caller has checked the size.
template <class Number>
Number number_at(std::string_view octets, std::size_t at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    const auto octet = static_cast<Number>(static_cast<unsigned char>(octets[at + i]));
    number = static_cast<Number>(number | octet << (8 * i));
  }
  return number;
}

}  // namespace

std::uint64_t FrameHead::body_octets() const {
  std::uint64_t octets = 0;
  for (const FrameBody& body : bodies)
    octets += body.octets;
  return octets;
}

std::string encode_frame_head(const FrameHead& head) {
  std::string checked;
  checked.reserve(head.head_octets());
  put_number(checked, head.place.segment);
  put_number(checked, head.place.offset);
  put_number(checked, static_cast<std::uint32_t>(head.bodies.size()));
  put_number(checked, head.batch_octets);
  put_number(checked, head.batch_crc);
  for (const FrameBody& body : head.bodies) {
    put_number(checked, body.id.value());
    put_number(checked, body.octets);
    put_number(checked, body.crc);
  }
  std::string out(kFrameMagic);
  put_number(out, crc32c(checked));
  return out += checked;
}

FramePlace frame_place(std::string_view octets) {
  return {number_at<std::uint64_t>(octets, 8), number_at<std::uint32_t>(octets, 16)};
}

Result<std::size_t> frame_head_octets(std::string_view octets) {
  if (octets.size() < FrameHead::kFixedOctets || !octets.starts_with(kFrameMagic)) {
    return make_error_code(Errc::bad_record);
  }
  const auto count = number_at<std::uint32_t>(octets, kCountAt);
  if (count > FrameHead::kMostBodies) return make_error_code(Errc::bad_record);
  return FrameHead::kFixedOctets + FrameHead::kBodyOctets * count;
}

Result<FrameHead> decode_frame_head(std::string_view octets) {
  const auto size = frame_head_octets(octets);
  if (!size) return size.error();
  if (octets.size() < *size) return make_error_code(Errc::bad_record);
  const std::string_view checked = octets.substr(kCheckedAt, *size - kCheckedAt);
  if (crc32c(checked) != number_at<std::uint32_t>(octets, kCrcAt)) {
    return make_error_code(Errc::bad_record);
  }
  FrameHead head;
  head.place = frame_place(octets);
  head.batch_octets = number_at<std::uint32_t>(octets, 24);
  head.batch_crc = number_at<std::uint32_t>(octets, 28);
  for (std::size_t at = FrameHead::kFixedOctets; at < *size; at += FrameHead::kBodyOctets) {
    head.bodies.push_back({MessageId(number_at<std::uint64_t>(octets, at)),
                           number_at<std::uint32_t>(octets, at + 8),
                           number_at<std::uint32_t>(octets, at + 12)});
  }
  if (head.octets() > FrameHead::kMostOctets) return make_error_code(Errc::bad_record);
  return head;
}

SegmentPlace body_place(const FrameHead& head, std::size_t index) {
  std::uint64_t at = head.place.offset + head.head_octets();
  for (std::size_t i = 0; i < index; ++i)
    at += head.bodies[i].octets;
  const FrameBody& body = head.bodies[index];
  return {head.place.segment, static_cast<std::uint32_t>(at), body.octets, body.crc};
}

std::string encode_segment_place(const SegmentPlace& place) {
  std::string out;
  put_number(out, place.segment);
  put_number(out, place.offset);
  put_number(out, place.octets);
  put_number(out, place.crc);
  return out;
}

Result<SegmentPlace> decode_segment_place(std::string_view octets) {
  if (octets.size() != SegmentPlace::kOctets) return make_error_code(Errc::bad_record);
  SegmentPlace place;
  place.segment = number_at<std::uint64_t>(octets, 0);
  place.offset = number_at<std::uint32_t>(octets, 8);
  place.octets = number_at<std::uint32_t>(octets, 12);
  place.crc = number_at<std::uint32_t>(octets, 16);
  return place;
}

}  // namespace postern::spool
