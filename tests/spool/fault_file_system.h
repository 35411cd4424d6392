// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <rocksdb/file_system.h>
#include <string>

namespace postern::spool::test {

/// A disk of which an operation fails: the N-th write or the N-th sync, from 1, and some after it,
/// with EIO or ENOSPC. What does not fail costs no wait: the machine of a test does not crash. Any
/// thread.
class FaultFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  enum class Operation : std::uint8_t { write, sync };
  enum class Error : std::uint8_t { io, no_space };

  FaultFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultFileSystem"; }

  void fail(Operation operation, std::uint64_t nth, Error error, std::uint64_t times = 1);
  /// The next sync of a file (or directory) whose path holds `part` fails.
  void fail_sync_of(std::string part, Error error);
  /// The next write to a file whose path holds `part` fails.
  void fail_write_of(std::string part, Error error);
  /// How often `operation` was asked for so far.
  std::uint64_t count(Operation operation) const {
    return operation == Operation::write ? writes_ : syncs_;
  }
  bool has_failed() const { return failed_; }

  rocksdb::IOStatus NewWritableFile(const std::string& name,
                                    const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name,
                                       const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name,
                                 const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;

  /// Counts one more; the error when its turn has come.
  rocksdb::IOStatus pass(Operation operation, const std::string& name);

 private:
  bool is_named(Operation operation, const std::string& name);
  void fail_named(Operation operation, std::string part, Error error);

  std::atomic<std::uint64_t> writes_{0};
  std::atomic<std::uint64_t> syncs_{0};
  std::atomic<std::uint64_t> nth_write_{0};
  std::atomic<std::uint64_t> nth_sync_{0};
  std::atomic<Error> error_{Error::io};
  std::atomic<std::uint64_t> times_{0};
  std::atomic<bool> failed_{false};
  std::mutex part_mutex_;
  std::string part_;
  Operation part_operation_ = Operation::sync;
};

}  // namespace postern::spool::test
