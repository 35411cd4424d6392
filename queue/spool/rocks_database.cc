// SPDX-License-Identifier: Apache-2.0
// The options, and why: README.md beside this, "RocksDB".
#include "queue/spool/rocks_database.h"

#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

namespace postern::spool {
namespace {

constexpr std::uint64_t kBlobFile = 64ULL << 20;
// What is smaller is as well off in the sorted files: all usual records are.
constexpr std::uint64_t kLeastBlob = 1024;
constexpr double kBlobGarbage = 0.5;

/// RocksDB recovers by itself from a compaction that found no room. What stops writing is for the
/// committer to mend: see RocksStore::resume().
class NoRecoveryOfWriting final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason,
                            rocksdb::Status error,
                            bool* automatic) override {
    if (error.severity() >= rocksdb::Status::kHardError) *automatic = false;
  }
};

rocksdb::Options database_options(const RocksOptions& options) {
  rocksdb::Options o;
  o.create_if_missing = true;
  o.paranoid_checks = true;
  o.write_buffer_size = options.memtable_octets;
  o.max_total_wal_size = options.memtable_octets;
  // One writer makes its own groups; RocksDB must not take them apart.
  o.max_write_batch_group_size_bytes = 64ULL << 20;
  // Records of different messages do not depend on each other: one that cannot be read must not
  // take those behind it along.
  o.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  o.avoid_flush_during_recovery = true;
  o.listeners = {std::make_shared<NoRecoveryOfWriting>()};
  o.max_bgerror_resume_count = 0;
  o.max_background_jobs = 2;
  o.bytes_per_sync = 1ULL << 20;
  o.max_open_files = 512;
  o.skip_stats_update_on_db_open = true;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  o.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  o.keep_log_file_num = 3;
  o.max_log_file_size = 1ULL << 20;
  // Ids ascend: a record or a body goes in behind the one before, and need not be sought for.
  o.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
  return o;
}

void set_table_options(rocksdb::Options& o, const std::shared_ptr<rocksdb::Cache>& blocks) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = blocks;
  table.format_version = 5;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  o.compression = rocksdb::kNoCompression;
  o.enable_blob_files = true;
  o.min_blob_size = kLeastBlob;
  o.blob_file_size = kBlobFile;
  o.enable_blob_garbage_collection = true;
  o.blob_garbage_collection_age_cutoff = 1.0;
  o.blob_garbage_collection_force_threshold = kBlobGarbage;
}

}  // namespace

RocksKey::RocksKey(RocksSpace space, MessageId id) {
  octets_[0] = static_cast<char>(space);
  for (std::size_t i = 1; i < kKeyOctets; ++i) {
    octets_[i] = static_cast<char>(id.value() >> (8 * (kKeyOctets - 1 - i)));
  }
}

rocksdb::Status RocksStore::Database::open() {
  rocksdb::Options o = database_options(options);
  set_table_options(o, blocks);
  o.write_buffer_manager = memtables;
  if (!env) {
    watch = std::make_shared<SyncWatch>(options.file_system ? options.file_system
                                                            : rocksdb::FileSystem::Default());
    env = std::make_unique<RocksEnv>(
        watch, options.clock ? options.clock : rocksdb::SystemClock::Default());
  }
  o.env = env.get();
  rocksdb::Status status = sync_logs();
  if (!status.ok()) return status;
  rocksdb::DB* opened = nullptr;
  status = rocksdb::DB::Open(o, options.path, &opened);
  if (status.ok()) db.reset(opened);
  return status;
}

RocksStore::Database::~Database() {
  close();
}

void RocksStore::Database::close() {
  if (!db) return;
  // What was not synced is in the log all the same; errors have been told when they happened.
  db->Close().PermitUncheckedError();
  db.reset();
}

std::uint64_t RocksStore::Database::file_octets() const {
  std::uint64_t tables = 0;
  std::uint64_t blobs = 0;
  db->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &tables);
  db->GetIntProperty(rocksdb::DB::Properties::kTotalBlobFileSize, &blobs);
  return tables + blobs;
}

void RocksStore::Database::compact() const {
  rocksdb::CompactRangeOptions o;
  o.exclusive_manual_compaction = false;
  o.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  o.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  o.blob_garbage_collection_age_cutoff = 1.0;
  db->CompactRange(o, nullptr, nullptr).PermitUncheckedError();
}

}  // namespace postern::spool
