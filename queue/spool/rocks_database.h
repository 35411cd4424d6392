// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/packed.h"
#include "queue/spool/rocks_env.h"
#include "queue/spool/rocks_key.h"
#include "queue/spool/rocks_store.h"
#include "queue/spool/segments.h"

#include <array>
#include <atomic>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>
#include <shared_mutex>

namespace postern::spool {

class RocksKey {
 public:
  RocksKey(RocksSpace space, MessageId id);
  operator rocksdb::Slice() const { return {octets_.data(), octets_.size()}; }  // NOLINT: it is one

 private:
  std::array<char, kKeyOctets> octets_{};
};

/// The open database. The batch and what belongs to it are the committer's alone.
struct RocksStore::Database {
  RocksOptions options;
  std::shared_ptr<SyncWatch> watch;
  std::unique_ptr<rocksdb::Env> env;  ///< outlives the database
  // Outlive it too, so that memory() can ask them at any time.
  const std::shared_ptr<rocksdb::Cache> blocks;
  const std::shared_ptr<rocksdb::WriteBufferManager> memtables;
  /// Held while the database is used, and alone while it is closed and opened again.
  mutable std::shared_mutex mutex;
  std::unique_ptr<rocksdb::DB> db;  ///< null: it could not be opened again
  Packer packer;
  rocksdb::WriteBatch batch;
  std::string trouble;
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> flushed_at{0};  ///< `written` when the memtable was flushed last
  std::unique_ptr<Segments> segments;        ///< null: there are none
  std::atomic<std::uint64_t> framed{0};      ///< Segments::octets_written()
  std::vector<MessageId> leaving;            ///< removed by the batch, and in segments
  std::vector<FramePlace> open_frames;       ///< written, of segments that are not sealed
  std::vector<FramePlace> sealed_frames;     ///< their keys are to be removed, since
  std::uint64_t sealed = 0;                  ///< this is to be the last sealed one; 0: nothing is
  bool must_reopen = false;                  ///< a write of its own found no room
  bool log_owes = false;                     ///< it has groups that are neither synced nor framed
  SegmentFindings findings;

  Database();
  Database(const Database&) = delete;
  ~Database();
  rocksdb::Status open();
  void close();
  /// What ended it may have left logs that were not synced, and what is done from now on builds
  /// on them.
  rocksdb::Status sync_logs();
  /// SegmentOpening. Once, after open(); the error's text, empty: done.
  std::string open_segments();
  /// As far as a few octets at `middle` tell. The committer.
  bool packs_well(std::span<const Chunk> chunks, std::uint64_t middle);
  /// The committer's group, as the batch and the segments have it.
  WriteOutcome write_group(bool durable);
  void put_sealed();
  rocksdb::Status append_frame();
  void group_is_written(bool is_framed, bool durable);
  WriteOutcome sync_log();
  /// What a failure means; the text goes to `trouble`. Committer.
  WriteOutcome outcome_of(const rocksdb::Status& status);
  /// Any thread.
  Result<std::string> get(const rocksdb::Slice& key) const;
  std::uint64_t file_octets() const;
  void compact() const;
};

}  // namespace postern::spool
