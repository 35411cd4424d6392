// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/segment_format.h"
#include "queue/spool/segment_reader.h"
#include "queue/spool/store.h"
#include "queue/spool/worker.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <rocksdb/file_system.h>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace postern::spool {

/// Bodies beside the database: those of a group one behind the other in a file that is synced once
/// for the group, together with the group's batch (README.md, "Segments"). Knows where each body
/// is, and gives a segment's space back when nobody needs what is in it. Belongs to the RocksStore,
/// whose committer alone writes.
class Segments {
 public:
  struct Options {
    std::string directory;
    std::uint64_t full_octets = 32ULL << 20;      ///< a segment of so many gets no more frames
    std::shared_ptr<rocksdb::FileSystem> system;  ///< tells of failed syncs: SyncWatch
  };
  explicit Segments(Options options);
  /// Waits until what was to be removed is.
  ~Segments();
  Segments(const Segments&) = delete;

  // ---- opening: one thread, before anything else ----
  /// A body that the database has there.
  void place(MessageId id, const SegmentPlace& place);
  /// Segments that were found and what place() said are all there is; the next one to be written is
  /// above `last` too.
  void opened(const std::vector<SegmentFile>& found, std::uint64_t last);

  // ---- the committer, in this order ----
  void stage(MessageId id, std::span<const Chunk> chunks);
  bool has_staged() const { return !frame_.bodies.empty(); }
  /// The frame of what is staged gets its place; a segment is begun where none is open.
  rocksdb::IOStatus begin_frame();
  const FrameHead& frame() const { return frame_; }
  /// In the order of frame().bodies.
  const std::vector<SegmentPlace>& places() const { return places_staged_; }
  /// The frame with the group's batch is on stable storage. Whatever the error, it is in no segment
  /// then, or (a failed sync) the spool has failed.
  rocksdb::IOStatus append(std::string_view batch);
  /// The database has not taken the batch: the frame leaves the segment again.
  rocksdb::IOStatus take_back();
  /// The database has taken it: the bodies can be read.
  void keep();
  /// What is staged and not kept is forgotten.
  void drop_staged();
  /// The removal is written.
  void remove(MessageId id);
  /// All that was removed so far will be after any crash.
  void removals_are_durable();
  bool has_removals() const { return !removed_.empty() || !useless_.empty(); }
  /// It wants to be sealed: full, or of no use any more and large.
  bool is_full() const;
  /// The number of the segment that is being written, which gets no more frames: all that is in the
  /// frames is in the database's log on stable storage.
  std::uint64_t seal();
  /// Octets of frames so far.
  std::uint64_t octets_written() const { return written_; }

  // ---- any thread ----
  bool holds(MessageId id) const;
  /// Errc::not_found, damaged, read_failed. Blocks.
  Result<std::string> read(MessageId id) const;
  /// The same, whatever its checksum says.
  Result<std::string> read_unchecked(MessageId id) const;
  /// Bodies with ids above `after` and below `end` (zero: no end), in no order.
  std::vector<MessageId> between(MessageId after, MessageId end) const;
  /// Where bodies are of letters that have left the database, as far as a segment still has them:
  /// read_segment_body() reads one. Blocks as long as it takes to read the heads of all frames.
  std::map<std::uint64_t, SegmentPlace> find(const std::set<std::uint64_t>& ids) const;
  /// Where more than twice what is needed and `slack_octets` is taken, the holes that removed
  /// bodies have left go back to the file system, if it can do that. Blocks; one at a time.
  void reclaim(std::uint64_t slack_octets);
  /// reclaim() ends soon, now and from now on.
  void interrupt() { interrupted_ = true; }
  struct Usage {
    std::uint64_t taken = 0;  ///< octets of the files without the holes
    std::uint64_t live = 0;   ///< of bodies that are needed
  };
  Usage usage() const;

 private:
  struct Hole {
    std::uint32_t offset = 0;
    std::uint32_t octets = 0;
  };
  struct Segment {
    std::uint64_t octets = 0;       ///< of the file
    std::uint64_t live_octets = 0;  ///< of bodies that are needed, or whose removal is not durable
    std::uint64_t punched = 0;
    std::size_t live = 0;
    bool is_sealed = false;
    bool has_unknown_holes = false;  ///< of the process before
    std::vector<Hole> holes;         ///< not given back yet
  };

  Result<SegmentPlace> place_of(MessageId id) const;
  rocksdb::IOStatus begin_segment();
  void remove_file(std::uint64_t number) const;
  std::vector<Hole> holes_of(std::uint64_t number);
  std::uint64_t punch_all(std::uint64_t number, std::vector<Hole> holes);
  rocksdb::IOStatus write_frame(std::string_view batch);
  void remove_if_useless_locked(std::map<std::uint64_t, Segment>::iterator at);

  const Options options_;

  // The committer's.
  std::unique_ptr<rocksdb::FSWritableFile> file_;  ///< null: none is open
  std::uint64_t number_ = 0;                       ///< of that, or of the last one
  std::uint64_t size_ = 0;                         ///< of that
  bool wants_seal_ = false;                        ///< a frame was taken back
  std::vector<Chunk> staged_;                      ///< the bodies' octets, one behind the other
  FrameHead frame_;                                ///< of what is staged
  std::vector<SegmentPlace> places_staged_;
  std::vector<SegmentPlace> removed_;   ///< not durably yet
  std::vector<std::uint64_t> useless_;  ///< found so: removed with the first sync
  std::uint64_t written_ = 0;

  std::atomic<bool> interrupted_{false};

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, SegmentPlace> places_;
  std::map<std::uint64_t, Segment> segments_;

  Worker cleaner_;  // last: removes files
};

}  // namespace postern::spool
