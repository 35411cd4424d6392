// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "queue/spool/message_id.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::spool {

/// Where a frame begins: the segment's number, and the octet in its file.
struct FramePlace {
  std::uint64_t segment = 0;
  std::uint32_t offset = 0;
  friend bool operator==(const FramePlace&, const FramePlace&) = default;
};

/// A body in a frame.
struct FrameBody {
  MessageId id;
  std::uint32_t octets = 0;
  std::uint32_t crc = 0;  ///< CRC-32C
  friend bool operator==(const FrameBody&, const FrameBody&) = default;
};

/// What stands in front of a group in a segment (README.md, "Segments"). Behind it come the bodies
/// in the order of the table, and then the group's batch for the database. On the disk, each number
/// little-endian:
///   4 "PSF1"   4 CRC-32C of all of the head behind this   8 segment   4 offset   4 bodies
///   4 octets of the batch   4 CRC-32C of the batch   and for each body: 8 id   4 octets   4
///   CRC-32C
/// Its own place is in it, so that octets that were copied elsewhere are no frame.
struct FrameHead {
  static constexpr std::size_t kFixedOctets = 32;
  static constexpr std::size_t kBodyOctets = 16;
  static constexpr std::uint32_t kMostBodies = 1U << 16;
  static constexpr std::uint64_t kMostOctets = 0xFFFF'FFFF;  ///< of a frame

  FramePlace place;
  std::vector<FrameBody> bodies;
  std::uint32_t batch_octets = 0;
  std::uint32_t batch_crc = 0;

  std::uint64_t head_octets() const { return kFixedOctets + kBodyOctets * bodies.size(); }
  std::uint64_t body_octets() const;
  /// Of all of the frame.
  std::uint64_t octets() const { return head_octets() + body_octets() + batch_octets; }
  friend bool operator==(const FrameHead&, const FrameHead&) = default;
};

std::string encode_frame_head(const FrameHead& head);
/// The place that a head has which begins so: unchecked. `octets` has kFixedOctets at least.
FramePlace frame_place(std::string_view octets);
/// How long the head is that begins so; Errc::bad_record: that is none. `octets` has kFixedOctets
/// at least.
Result<std::size_t> frame_head_octets(std::string_view octets);
/// The head that `octets` begin with; Errc::bad_record: they are too few, or it is damaged.
Result<FrameHead> decode_frame_head(std::string_view octets);

/// Where one body is: what the database keeps of it.
struct SegmentPlace {
  static constexpr std::size_t kOctets = 20;

  std::uint64_t segment = 0;
  std::uint32_t offset = 0;
  std::uint32_t octets = 0;
  std::uint32_t crc = 0;  ///< CRC-32C
  friend bool operator==(const SegmentPlace&, const SegmentPlace&) = default;
};

/// Of one of its bodies.
SegmentPlace body_place(const FrameHead& head, std::size_t index);

std::string encode_segment_place(const SegmentPlace& place);
Result<SegmentPlace> decode_segment_place(std::string_view octets);

}  // namespace postern::spool
