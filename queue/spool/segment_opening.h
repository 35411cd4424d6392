// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/rocks_env.h"
#include "queue/spool/rocks_store.h"
#include "queue/spool/segment_reader.h"
#include "queue/spool/segments.h"

#include <rocksdb/db.h>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace postern::spool {

/// The key that a frame's batch has of its own.
std::string frame_key(const FramePlace& place);
/// G (RocksSpace::sealed): all frames of the segments up to that one are in the database.
void put_sealed_key(rocksdb::WriteBatch& batch, std::uint64_t segment);

/// Brings the database and the segments together when they are opened: what the log has lost of
/// acknowledged frames is written again, and each body that somebody needs has its place. One
/// thread, once, before anything else writes; blocks.
class SegmentOpening {
 public:
  /// They outlive it.
  SegmentOpening(rocksdb::DB& db, SyncWatch& system, const RocksOptions& options)
      : db_(db), system_(system), options_(options) {}

  /// `segments` learns what there is. The error's text; empty: done, and durable.
  std::string run(Segments& segments);
  SegmentFindings take_findings() { return std::move(findings_); }

 private:
  struct Frame {
    const SegmentFile* file = nullptr;
    FrameHead head;
    bool is_present = false;  ///< in the database
  };

  void read_sealed();
  void read_keys();
  std::string sync_files();
  std::string read_frames();
  std::string read_frames_of(const SegmentFile& file);
  rocksdb::Status replay();
  std::string batch_of(const Frame& frame);
  void learn(std::string_view batch);
  rocksdb::WriteBatch filtered(std::string_view batch) const;
  void restore_places(Segments& segments, rocksdb::WriteBatch& batch);
  void restore_place(Segments& segments,
                     rocksdb::WriteBatch& batch,
                     const FrameHead& head,
                     std::size_t index);
  bool is_needed(MessageId id) const;
  void report_damaged(const SegmentFile& file, std::uint64_t at);
  void report_lost(const Frame& frame);

  rocksdb::DB& db_;
  SyncWatch& system_;
  const RocksOptions& options_;
  SegmentFindings findings_;
  std::vector<SegmentFile> found_;
  std::uint64_t sealed_ = 0;       ///< up to that one nothing is to be replayed
  std::uint64_t last_ = 0;         ///< the highest number that is known from anywhere
  std::vector<std::string> keys_;  ///< of frames
  std::vector<Frame> frames_;      ///< of segments that are not sealed, in their order

  // What the frames behind say, which are in the database or will be.
  std::set<std::uint64_t> removed_;
  std::set<std::uint64_t> rewritten_;
  bool has_later_ = false;
};

}  // namespace postern::spool
