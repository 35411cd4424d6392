// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"
#include "queue/spool/segment_format.h"
#include "queue/spool/segment_reader.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <rocksdb/file_system.h>
#include <string>
#include <string_view>

// Whatever a damaged disk gives back for a segment: its frames stand one behind the other, each as
// it was written, and no more than what is there is read of them.
namespace {

using namespace postern::spool;

constexpr std::uint64_t kNumber = 1;
constexpr std::size_t kMagic = 4;

void require(bool holds) {
  if (!holds) std::abort();
}

class MemoryFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit MemoryFile(std::string_view octets) : octets_(octets) {}
  rocksdb::IOStatus Read(std::uint64_t offset,
                         std::size_t size,
                         const rocksdb::IOOptions&,
                         rocksdb::Slice* result,
                         char* to,
                         rocksdb::IODebugContext*) const override {
    const auto from = static_cast<std::size_t>(std::min<std::uint64_t>(offset, octets_.size()));
    const std::string_view part = octets_.substr(from, size);
    std::memcpy(to, part.data(), part.size());
    *result = rocksdb::Slice(to, part.size());
    return rocksdb::IOStatus::OK();
  }

 private:
  std::string_view octets_;
};

/// Every file is these octets.
class OneFile final : public rocksdb::FileSystemWrapper {
 public:
  explicit OneFile(std::string_view octets)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), octets_(octets) {}
  const char* Name() const override { return "OneFile"; }
  rocksdb::IOStatus NewRandomAccessFile(const std::string&,
                                        const rocksdb::FileOptions&,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext*) override {
    *result = std::make_unique<MemoryFile>(octets_);
    return rocksdb::IOStatus::OK();
  }

 private:
  std::string_view octets_;
};

void check_frame(SegmentReader& reader, const FrameHead& head, std::string_view octets) {
  require(octets.substr(head.place.offset).starts_with(encode_frame_head(head)));
  bool whole = true;
  for (std::size_t i = 0; i < head.bodies.size(); ++i) {
    const auto body = reader.body(head, i);
    whole = whole && body;
    if (!body) continue;
    require(body->size() == head.bodies[i].octets);
    require(postern::crc32c(*body) == head.bodies[i].crc);
    require(octets.find(*body) != std::string_view::npos);
  }
  const auto batch = reader.batch(head);
  if (batch) require(postern::crc32c(*batch) == head.batch_crc);
  require(reader.is_whole(head) == (whole && batch));
  if (whole && batch) require(head.place.offset + head.octets() <= octets.size());
}

void check_segment(std::string_view octets) {
  OneFile system(octets);
  const auto reader = SegmentReader::open(system, {kNumber, "segment", octets.size()});
  require(static_cast<bool>(reader));
  std::uint64_t end = 0;
  while (const auto head = (*reader)->next()) {
    require(head->place.segment == kNumber && head->place.offset == end);
    end += head->octets();
    check_frame(**reader, *head, octets);
  }
  (*reader)->has_frame_behind();
}

/// With a checksum that is right, the fields are what is told apart.
void check_head(std::string_view fields) {
  std::string octets("PSF1");
  const std::uint32_t crc = postern::crc32c(fields);
  for (std::size_t i = 0; i < sizeof crc; ++i)
    octets += static_cast<char>(crc >> (8 * i) & 0xFFU);
  octets += fields;
  const auto head = decode_frame_head(octets);
  if (!head) return;
  require(head->octets() <= FrameHead::kMostOctets);
  require(encode_frame_head(*head) == std::string_view(octets).substr(0, head->head_octets()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  check_segment(octets);
  check_head(octets.substr(std::min(octets.size(), 2 * kMagic)));
  if (const auto place = decode_segment_place(octets)) {
    require(encode_segment_place(*place) == octets);
  }
  return 0;
}
