// SPDX-License-Identifier: Apache-2.0
#include "fault_file_system.h"

#include <utility>

namespace postern::spool::test {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;
using Operation = FaultFileSystem::Operation;

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file,
             FaultFileSystem& system,
             std::string name)
      : FSWritableFileOwnerWrapper(std::move(file)), system_(system), name_(std::move(name)) {}

  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = system_.pass(Operation::write, name_);
    if (status.ok()) return FSWritableFileOwnerWrapper::Append(data, options, debug);
    // A disk that fails has often written a part.
    FSWritableFileOwnerWrapper::Append(Slice(data.data(), data.size() / 2), options, debug)
        .PermitUncheckedError();
    return status;
  }
  IOStatus Append(const Slice& data,
                  const IOOptions& options,
                  const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return system_.pass(Operation::sync, name_);
  }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return system_.pass(Operation::sync, name_);
  }

 private:
  FaultFileSystem& system_;
  std::string name_;
};

class FaultyDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(std::unique_ptr<rocksdb::FSDirectory> directory,
                  FaultFileSystem& system,
                  std::string name)
      : FSDirectoryWrapper(std::move(directory)), system_(system), name_(std::move(name)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return system_.pass(Operation::sync, name_);
  }
  IOStatus FsyncWithDirOptions(const IOOptions&,
                               IODebugContext*,
                               const rocksdb::DirFsyncOptions&) override {
    return system_.pass(Operation::sync, name_);
  }

 private:
  FaultFileSystem& system_;
  std::string name_;
};

}  // namespace

void FaultFileSystem::fail(Operation operation,
                           std::uint64_t nth,
                           Error error,
                           std::uint64_t times) {
  error_ = error;
  times_ = times;
  (operation == Operation::write ? nth_write_ : nth_sync_) = nth;
}

void FaultFileSystem::fail_sync_of(std::string part, Error error) {
  fail_named(Operation::sync, std::move(part), error);
}

void FaultFileSystem::fail_write_of(std::string part, Error error) {
  fail_named(Operation::write, std::move(part), error);
}

void FaultFileSystem::fail_named(Operation operation, std::string part, Error error) {
  const std::scoped_lock lock(part_mutex_);
  error_ = error;
  part_ = std::move(part);
  part_operation_ = operation;
}

bool FaultFileSystem::is_named(Operation operation, const std::string& name) {
  const std::scoped_lock lock(part_mutex_);
  if (part_.empty() || operation != part_operation_) return false;
  if (name.find(part_) == std::string::npos) return false;
  part_.clear();
  return true;
}

IOStatus FaultFileSystem::pass(Operation operation, const std::string& name) {
  const bool write = operation == Operation::write;
  const std::uint64_t number = ++(write ? writes_ : syncs_);
  const std::uint64_t nth = write ? nth_write_ : nth_sync_;
  const bool turn = nth != 0 && number >= nth && number - nth < times_;
  if (!turn && !is_named(operation, name)) return IOStatus::OK();
  failed_ = true;
  if (error_ == Error::io) return IOStatus::IOError("injected");
  IOStatus full = IOStatus::NoSpace("injected");
  full.SetRetryable(true);  // as the real one is
  return full;
}

IOStatus FaultFileSystem::NewWritableFile(const std::string& name,
                                          const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSWritableFile>* result,
                                          IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  // RocksDB's own text log is nobody's mail.
  const bool log = name.ends_with("/LOG");
  if (status.ok() && !log) *result = std::make_unique<FaultyFile>(std::move(*result), *this, name);
  return status;
}

IOStatus FaultFileSystem::ReopenWritableFile(const std::string& name,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                                             IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::ReopenWritableFile(name, options, result, debug);
  if (status.ok()) *result = std::make_unique<FaultyFile>(std::move(*result), *this, name);
  return status;
}

IOStatus FaultFileSystem::NewDirectory(const std::string& name,
                                       const IOOptions& options,
                                       std::unique_ptr<rocksdb::FSDirectory>* result,
                                       IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::NewDirectory(name, options, result, debug);
  if (status.ok()) *result = std::make_unique<FaultyDirectory>(std::move(*result), *this, name);
  return status;
}

}  // namespace postern::spool::test
