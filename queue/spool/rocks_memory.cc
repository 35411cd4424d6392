// SPDX-License-Identifier: Apache-2.0
// What of the process's memory is RocksDB's.
#include "queue/spool/rocks_database.h"

#include <mutex>

namespace postern::spool {
namespace {

constexpr std::size_t kBlockCache = 32ULL << 20;
// It counts memtables by whole blocks of their arenas where it has a limit at all; the property
// size-all-mem-tables leaves out what is free in the last block, up to 1 MiB. The limit that counts
// is write_buffer_size: this one is out of reach.
constexpr std::size_t kNoLimit = 1ULL << 50;
// One that is written, and one that is being flushed: max_write_buffer_number.
constexpr std::uint64_t kMemtables = 2;

}  // namespace

RocksStore::Database::Database()
    : blocks(rocksdb::NewLRUCache(kBlockCache)),
      memtables(std::make_shared<rocksdb::WriteBufferManager>(kNoLimit)) {}

StoreMemory RocksStore::memory() const {
  StoreMemory out;
  out.memtables = db_->memtables->memory_usage();
  out.memtables_limit = kMemtables * db_->options.memtable_octets;
  out.cache = db_->blocks->GetUsage();
  out.cache_limit = db_->blocks->GetCapacity();
  // Opening takes as long as the log is: meanwhile there are no tables.
  const std::shared_lock lock(db_->mutex, std::try_to_lock);
  if (lock.owns_lock() && db_->db) {
    db_->db->GetIntProperty(rocksdb::DB::Properties::kEstimateTableReadersMem, &out.tables);
  }
  return out;
}

}  // namespace postern::spool
