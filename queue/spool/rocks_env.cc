// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/rocks_env.h"

#include <utility>

namespace postern::spool {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class WatchedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedFile(std::unique_ptr<rocksdb::FSWritableFile> file, SyncWatch& watch, std::string name)
      : FSWritableFileOwnerWrapper(std::move(file)), watch_(watch), name_(std::move(name)) {}

  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return watch_.note(FSWritableFileOwnerWrapper::Sync(options, debug), name_);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return watch_.note(FSWritableFileOwnerWrapper::Fsync(options, debug), name_);
  }
  // The system tells a page that could not be written once: here it may be for the first time.
  IOStatus RangeSync(std::uint64_t offset,
                     std::uint64_t size,
                     const IOOptions& options,
                     IODebugContext* debug) override {
    return watch_.note(FSWritableFileOwnerWrapper::RangeSync(offset, size, options, debug), name_);
  }

 private:
  SyncWatch& watch_;
  std::string name_;
};

class WatchedDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  WatchedDirectory(std::unique_ptr<rocksdb::FSDirectory> directory,
                   SyncWatch& watch,
                   std::string name)
      : FSDirectoryWrapper(std::move(directory)), watch_(watch), name_(std::move(name)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return watch_.note(FSDirectoryWrapper::Fsync(options, debug), name_);
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options,
                               IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& how) override {
    return watch_.note(FSDirectoryWrapper::FsyncWithDirOptions(options, debug, how), name_);
  }

 private:
  SyncWatch& watch_;
  std::string name_;
};

}  // namespace

std::string SyncWatch::failure() const {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

IOStatus SyncWatch::note(IOStatus status, const std::string& name) {
  if (status.ok()) return status;
  const std::scoped_lock lock(mutex_);
  if (failure_.empty()) failure_ = name + " could not be synced: " + status.ToString();
  failed_.store(true, std::memory_order_release);
  return status;
}

IOStatus SyncWatch::sync_again(const std::string& name) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  IOStatus status = ReopenWritableFile(name, rocksdb::FileOptions(), &file, nullptr);
  if (!status.ok()) return status;
  status = note(file->Sync(IOOptions(), nullptr), name);
  file->Close(IOOptions(), nullptr).PermitUncheckedError();
  return status;
}

IOStatus SyncWatch::NewWritableFile(const std::string& name,
                                    const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    IODebugContext* debug) {
  IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  if (status.ok()) *result = std::make_unique<WatchedFile>(std::move(*result), *this, name);
  return status;
}

IOStatus SyncWatch::NewDirectory(const std::string& name,
                                 const IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 IODebugContext* debug) {
  IOStatus status = FileSystemWrapper::NewDirectory(name, options, result, debug);
  if (status.ok()) *result = std::make_unique<WatchedDirectory>(std::move(*result), *this, name);
  return status;
}

}  // namespace postern::spool
