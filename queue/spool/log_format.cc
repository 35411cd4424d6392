// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/log_format.h"

#include "base/crc32c.h"
#include "queue/spool/codec.h"
#include "queue/spool/rocks_key.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace postern::spool {
namespace {

// The checksum is of the type and what follows the header.
constexpr std::size_t kTypeAt = 6;
// A recycled log's header holds the number of the log (4) as well.
constexpr std::size_t kRecycledHeader = 11;

enum LogType : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// RocksDB stores checksums in a form that is no CRC of octets that hold a CRC.
std::uint32_t masked(std::uint32_t crc) {
  return (crc >> 15U | crc << 17U) + 0xa282ead8U;
}

std::uint32_t log_checksum(std::string_view type_and_octets) {
  return masked(crc32c(type_and_octets));
}

// Tags of a WriteBatch.
constexpr std::uint8_t kDeletion = 0;
constexpr std::uint8_t kValue = 1;
constexpr std::uint8_t kLogData = 3;
constexpr std::uint8_t kSingleDeletion = 7;
constexpr std::uint8_t kNoop = 13;

std::uint64_t fixed64(std::string_view octets) {
  ByteReader in(octets);
  const std::uint64_t low = in.fixed32();
  return static_cast<std::uint64_t>(in.fixed32()) << 32U | low;
}

}  // namespace

/// A header with what is behind it in the same block.
struct LogReader::Part {
  std::uint32_t checksum = 0;
  std::uint8_t type = 0;
  std::size_t size = kLogHeader;     ///< with the header
  std::string_view octets;           ///< cut off where the block ends
  std::string_view type_and_octets;  ///< what the checksum is of
  bool fits = false;

  static Part at(std::string_view block) {
    ByteReader in(block);
    Part part;
    part.checksum = in.fixed32();
    const std::size_t low = in.octet();
    part.size += static_cast<std::size_t>(in.octet()) << 8U | low;
    part.type = in.octet();
    part.fits = part.size <= block.size();
    part.octets = block.substr(kLogHeader, part.size - kLogHeader);
    part.type_and_octets = block.substr(kTypeAt, part.size - kTypeAt);
    return part;
  }
  bool is_good() const {
    return fits && type >= kFull && type <= kLast && log_checksum(type_and_octets) == checksum;
  }
  /// Whether a record may begin behind it.
  bool is_followed(std::string_view block) const {
    if (!fits) return false;
    const std::string_view rest = block.substr(size);
    if (rest.empty()) return true;
    if (rest.size() < kLogHeader) {
      return block.size() == kLogBlock && rest.find_first_not_of('\0') == std::string_view::npos;
    }
    return at(rest).is_good();
  }
};

// ---- reading ----

void LogReader::begin(std::uint64_t at) {
  open_ = true;
  bad_ = false;
  whole_ = true;
  offset_ = at;
  octets_.clear();
  rest_at_ = std::string::npos;
}

void LogReader::finish(std::uint64_t end) {
  if (!std::exchange(open_, false)) return;
  take_({!bad_, whole_, offset_, end, std::exchange(octets_, {}), rest_at_});
}

/// The next part of a record; not `good`: with wrong octets in it.
void LogReader::add(const Part& part, std::uint64_t at, bool good) {
  const bool goes_on = part.type == kMiddle || part.type == kLast;
  const bool ends = part.type != kFirst && part.type != kMiddle;
  if (open_ && !goes_on) {
    // RocksDB leaves the beginning of a record without an octet of it where a block ends so.
    open_ = bad_ || !octets_.empty();
    bad_ = true;
    whole_ = false;
    finish(at);
  }
  if (!open_) {
    begin(at);
    bad_ = goes_on;
    whole_ = !goes_on;
  }
  if (!good) bad_ = true;
  if (octets_.size() + part.octets.size() > kMostOctets) foreign_ = true;
  if (!foreign_) octets_ += part.octets;
  last_end_ = at + part.size;
  if (ends) finish(last_end_);
}

/// The rest of a block, in which nothing can be told apart.
void LogReader::lose(std::string_view octets, std::uint64_t at) {
  if (!open_) begin(at);
  bad_ = true;
  whole_ = false;
  rest_at_ = octets_.size();
  if (octets_.size() + octets.size() <= kMostOctets) octets_ += octets;
  finish(at + octets.size());
}

/// A good record of a type that is not known here.
void LogReader::check_foreign(std::string_view octets) {
  const Part part = Part::at(octets);
  if (part.type <= kLast) return;
  const bool plain = part.fits && log_checksum(part.type_and_octets) == part.checksum;
  const std::size_t size = part.size + kRecycledHeader - kLogHeader;
  const bool recycled = size <= octets.size() &&
                        log_checksum(octets.substr(kTypeAt, size - kTypeAt)) == part.checksum;
  foreign_ = foreign_ || plain || recycled;
}

void LogReader::block(std::string_view octets) {
  const std::uint64_t at = std::exchange(read_, read_ + octets.size());
  std::size_t from = 0;
  while (!foreign_ && octets.size() - from >= kLogHeader) {
    const std::string_view rest = octets.substr(from);
    const Part part = Part::at(rest);
    const bool good = part.is_good();
    if (!good) check_foreign(rest);
    if (!good && !part.is_followed(rest)) {
      lose(rest, at + from);
      return;
    }
    add(part, at + from, good);
    from += part.size;
  }
  // Fewer octets than a header at the end of the file are the beginning of one.
  if (octets.size() < kLogBlock && from < octets.size()) lose(octets.substr(from), at + from);
}

void LogReader::end() {
  bad_ = true;
  whole_ = false;
  finish(last_end_);
}

void LogReader::groups_in(std::string_view rest,
                          const std::function<void(std::string_view)>& visit) {
  std::size_t at = 1;
  while (at + kLogHeader + GroupHeader::kOctets <= rest.size()) {
    const char type = rest[at + kTypeAt];
    const Part part = Part::at(rest.substr(at));
    const bool begins = type == kFull || type == kFirst;
    if (begins && part.octets.size() >= GroupHeader::kOctets && part.is_good()) {
      visit(part.octets);
      at += part.size;
    } else {
      ++at;
    }
  }
}

// ---- writing ----

void LogWriter::append(std::string_view record, std::string& out) {
  ByteWriter to(out);
  bool first = true;
  do {
    if (kLogBlock - in_block_ < kLogHeader) {
      out.append(kLogBlock - in_block_, '\0');
      in_block_ = 0;
    }
    const std::size_t room = kLogBlock - in_block_ - kLogHeader;
    const std::string_view part = record.substr(0, room);
    record.remove_prefix(part.size());
    const bool last = record.empty();
    std::string checked(
        1, static_cast<char>(first ? (last ? kFull : kFirst) : (last ? kLast : kMiddle)));
    checked += part;
    to.fixed32(log_checksum(checked));
    to.octet(static_cast<std::uint8_t>(part.size() & 0xffU));
    to.octet(static_cast<std::uint8_t>(part.size() >> 8U));
    to.raw(checked);
    in_block_ += kLogHeader + part.size();
    first = false;
  } while (!record.empty());
}

// ---- groups ----

GroupHeader group_header(std::string_view group) {
  if (group.size() < GroupHeader::kOctets) return {};
  ByteReader count(group.substr(sizeof(std::uint64_t)));
  return {fixed64(group), count.fixed32()};
}

std::size_t read_group(std::string_view group,
                       const std::function<void(const GroupOperation&)>& visit) {
  if (group.size() < GroupHeader::kOctets) return 0;
  ByteReader in(group.substr(GroupHeader::kOctets));
  for (;;) {
    const std::size_t from = group.size() - in.rest().size();
    if (in.at_end()) return from;
    const std::uint8_t tag = in.octet();
    GroupOperation operation;
    if (tag == kValue) {
      operation.key = in.text();
      operation.value = in.text();
    } else if (tag == kDeletion || tag == kSingleDeletion) {
      operation.kind = GroupOperation::Kind::remove;
      operation.key = in.text();
    } else if (tag == kLogData) {
      in.text();
    } else if (tag != kNoop) {
      in.fail();
    }
    if (!in.good()) return from;
    if (tag != kLogData && tag != kNoop) visit(operation);
  }
}

void find_records(std::string_view octets, const std::function<void(MessageId)>& visit) {
  // The tag of a put, the length of the key, the space of records.
  const std::string mark = {static_cast<char>(kValue),
                            static_cast<char>(kKeyOctets),
                            static_cast<char>(RocksSpace::record)};
  // An id tells when the letter came: not before postern was made, not after tomorrow.
  const MessageId least =
      MessageId::first_at(WallTime(std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)));
  const MessageId most = MessageId::first_at(wall_now() + std::chrono::hours(24));
  for (std::size_t at = octets.find(mark); at != std::string_view::npos;
       at = octets.find(mark, at + 1)) {
    const MessageId id = id_in_key(RocksSpace::record, octets.substr(at + 2, kKeyOctets));
    if (least <= id && id <= most) visit(id);
  }
}

}  // namespace postern::spool
