// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/packed.h"
#include "queue/spool/rocks_env.h"
#include "queue/spool/rocks_key.h"
#include "queue/spool/rocks_store.h"

#include <array>
#include <atomic>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
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
  /// Held while the database is used, and alone while it is closed and opened again.
  mutable std::shared_mutex mutex;
  std::unique_ptr<rocksdb::DB> db;  ///< null: it could not be opened again
  Packer packer;
  rocksdb::WriteBatch batch;
  std::string trouble;
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> flushed_at{0};  ///< `written` when the memtable was flushed last

  Database() = default;
  Database(const Database&) = delete;
  ~Database();
  rocksdb::Status open();
  void close();
  /// What a failure means; the text goes to `trouble`. Committer.
  WriteOutcome outcome_of(const rocksdb::Status& status);
  /// Any thread.
  Result<std::string> get(const rocksdb::Slice& key) const;
  std::uint64_t file_octets() const;
  void compact() const;
};

}  // namespace postern::spool
