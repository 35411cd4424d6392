// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>
#include <string>

namespace postern::spool {

/// A file system that remembers the first sync that failed, of a file or of a directory, whichever
/// thread asked for it and whatever RocksDB makes of it (a flush that finds no room is tried again,
/// its sync as well). Any thread. It outlives the files opened through it.
class SyncWatch final : public rocksdb::FileSystemWrapper {
 public:
  explicit SyncWatch(const std::shared_ptr<rocksdb::FileSystem>& system)
      : FileSystemWrapper(system) {}
  const char* Name() const override { return "postern::spool::SyncWatch"; }

  bool has_failed() const { return failed_.load(std::memory_order_acquire); }
  /// The file and the error; empty: none has failed.
  std::string failure() const;
  /// A file that somebody else has written, perhaps a process that was killed: its octets are on
  /// stable storage. A failure counts as one of a sync.
  rocksdb::IOStatus sync_again(const std::string& name);
  /// Hands `status` on.
  rocksdb::IOStatus note(rocksdb::IOStatus status, const std::string& name);

  rocksdb::IOStatus NewWritableFile(const std::string& name,
                                    const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name,
                                 const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;

 private:
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  std::string failure_;
};

/// RocksDB's surroundings: this file system and this clock, all else the system's.
class RocksEnv final : public rocksdb::EnvWrapper {
 public:
  RocksEnv(const std::shared_ptr<rocksdb::FileSystem>& system,
           const std::shared_ptr<rocksdb::SystemClock>& clock)
      : EnvWrapper(rocksdb::NewCompositeEnv(system)) {
    file_system_ = system;
    system_clock_ = clock;
  }
  const char* Name() const override { return "postern::spool::RocksEnv"; }
};

}  // namespace postern::spool
