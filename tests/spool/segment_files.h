// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/segments.h"
#include "support.h"

#include <filesystem>
#include <memory>
#include <rocksdb/file_system.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

namespace postern::spool::test {

/// What a letter's body is, in pieces as they were received.
inline std::vector<Chunk> chunks_of(std::string_view body, std::size_t piece = 3000) {
  std::vector<Chunk> chunks;
  for (std::size_t at = 0; at < body.size(); at += piece)
    chunks.push_back(std::make_shared<const std::string>(body.substr(at, piece)));
  return chunks;
}

inline std::vector<SegmentFile> segments_below(const std::string& directory) {
  auto files = segments_in(*rocksdb::FileSystem::Default(), directory);
  return files ? *std::move(files) : std::vector<SegmentFile>();
}

inline std::unique_ptr<SegmentReader> reader_of(const SegmentFile& file) {
  auto reader = SegmentReader::open(*rocksdb::FileSystem::Default(), file);
  return reader ? *std::move(reader) : nullptr;
}

/// Its frames, as far as they can be told apart.
inline std::vector<FrameHead> frames_in(const SegmentFile& file) {
  std::vector<FrameHead> frames;
  const auto reader = reader_of(file);
  while (reader) {
    auto head = reader->next();
    if (!head) break;
    frames.push_back(*std::move(head));
  }
  return frames;
}

/// What of it is on the disk, holes not counted.
inline std::uint64_t octets_on_disk(const std::string& path) {
  constexpr std::uint64_t kStatBlock = 512;
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0
             ? static_cast<std::uint64_t>(about.st_blocks) * kStatBlock
             : 0;
}

}  // namespace postern::spool::test
