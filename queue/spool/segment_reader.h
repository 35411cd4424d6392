// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "queue/spool/segment_format.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rocksdb {
class FileSystem;
class FSRandomAccessFile;
}  // namespace rocksdb

namespace postern::spool {

/// A segment's file.
struct SegmentFile {
  std::uint64_t number = 0;
  std::string path;
  std::uint64_t octets = 0;
};

std::string segment_path(const std::string& directory, std::uint64_t number);
/// In the order in which they were written; other files are passed over. The error's text: they
/// cannot be told.
Result<std::vector<SegmentFile>, std::string> segments_in(rocksdb::FileSystem& system,
                                                          const std::string& directory);

/// Goes through the frames of one segment. Blocks; one thread.
class SegmentReader {
 public:
  /// `system` outlives it. The error: RocksDB's text.
  static Result<std::unique_ptr<SegmentReader>, std::string> open(rocksdb::FileSystem& system,
                                                                  SegmentFile file);
  ~SegmentReader();
  SegmentReader(const SegmentReader&) = delete;

  /// The next frame's head; nullopt: what comes is none.
  std::optional<FrameHead> next();
  /// After the last one: whether there is another one further behind. Then what lies between is
  /// damaged, since a frame is only written when the one before it was synced. Reads all that is
  /// left.
  bool has_frame_behind();
  /// The disk could not read something that was asked for: what next() says, and is_whole(), may be
  /// due to that. A torn write can be read.
  bool has_failed() const { return has_failed_; }

  /// Every octet of it is as it was written.
  bool is_whole(const FrameHead& head);
  /// Errc::damaged, Errc::read_failed.
  Result<std::string> batch(const FrameHead& head);
  Result<std::string> body(const FrameHead& head, std::size_t index);

 private:
  SegmentReader(SegmentFile file, std::unique_ptr<rocksdb::FSRandomAccessFile> open);

  Result<std::string> read(std::uint64_t offset, std::size_t octets);
  Result<std::string> read_checked(std::uint64_t offset, std::size_t octets, std::uint32_t crc);
  std::optional<FrameHead> head_at(std::uint64_t offset);

  const SegmentFile file_;
  const std::unique_ptr<rocksdb::FSRandomAccessFile> open_;
  std::uint64_t at_ = 0;
  bool has_failed_ = false;
};

/// The octets there, whatever they are now: Errc::damaged (they are not all there),
/// Errc::read_failed.
Result<std::string> read_segment_octets(rocksdb::FileSystem& system,
                                        const std::string& directory,
                                        const SegmentPlace& place);
/// The same, if their checksum is right; else Errc::damaged.
Result<std::string> read_segment_body(rocksdb::FileSystem& system,
                                      const std::string& directory,
                                      const SegmentPlace& place);

}  // namespace postern::spool
