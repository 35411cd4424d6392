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
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, FaultFileSystem& system)
      : FSWritableFileOwnerWrapper(std::move(file)), system_(system) {}

  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = system_.pass(Operation::write);
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
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = system_.pass(Operation::sync);
    return status.ok() ? FSWritableFileOwnerWrapper::Sync(options, debug) : status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = system_.pass(Operation::sync);
    return status.ok() ? FSWritableFileOwnerWrapper::Fsync(options, debug) : status;
  }

 private:
  FaultFileSystem& system_;
};

class FaultyDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(std::unique_ptr<rocksdb::FSDirectory> directory, FaultFileSystem& system)
      : FSDirectoryWrapper(std::move(directory)), system_(system) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus status = system_.pass(Operation::sync);
    return status.ok() ? FSDirectoryWrapper::Fsync(options, debug) : status;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options,
                               IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& how) override {
    const IOStatus status = system_.pass(Operation::sync);
    return status.ok() ? FSDirectoryWrapper::FsyncWithDirOptions(options, debug, how) : status;
  }

 private:
  FaultFileSystem& system_;
};

}  // namespace

void FaultFileSystem::fail(Operation operation, std::uint64_t nth, Error error) {
  error_ = error;
  (operation == Operation::write ? nth_write_ : nth_sync_) = nth;
}

IOStatus FaultFileSystem::pass(Operation operation) {
  const bool write = operation == Operation::write;
  const std::uint64_t number = ++(write ? writes_ : syncs_);
  if (number != (write ? nth_write_ : nth_sync_)) return IOStatus::OK();
  failed_ = true;
  return error_ == Error::io ? IOStatus::IOError("injected") : IOStatus::NoSpace("injected");
}

IOStatus FaultFileSystem::NewWritableFile(const std::string& name,
                                          const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSWritableFile>* result,
                                          IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  // RocksDB's own text log is nobody's mail.
  const bool log = name.ends_with("/LOG");
  if (status.ok() && !log) *result = std::make_unique<FaultyFile>(std::move(*result), *this);
  return status;
}

IOStatus FaultFileSystem::NewDirectory(const std::string& name,
                                       const IOOptions& options,
                                       std::unique_ptr<rocksdb::FSDirectory>* result,
                                       IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::NewDirectory(name, options, result, debug);
  if (status.ok()) *result = std::make_unique<FaultyDirectory>(std::move(*result), *this);
  return status;
}

}  // namespace postern::spool::test
