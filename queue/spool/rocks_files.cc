// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/rocks_files.h"

#include "queue/spool/errors.h"

#include <rocksdb/file_system.h>
#include <utility>

namespace postern::spool {
namespace {

using rocksdb::FileOptions;
using rocksdb::FileSystem;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

std::error_code write_error(const IOStatus& status) {
  if (status.ok()) return {};
  return make_error_code(status.IsNoSpace() ? Errc::no_space : Errc::store_failed);
}

std::error_code read_error(const IOStatus& status) {
  const bool missing = status.IsNotFound() || status.IsPathNotFound();
  return make_error_code(missing ? Errc::damaged : Errc::read_failed);
}

class FileSink final : public BodyFiles::Sink {
 public:
  FileSink(std::unique_ptr<rocksdb::FSWritableFile> file,
           std::unique_ptr<rocksdb::FSDirectory> directory)
      : file_(std::move(file)), directory_(std::move(directory)) {}
  ~FileSink() override { file_->Close(IOOptions(), nullptr).PermitUncheckedError(); }

  std::error_code append(std::string_view octets) override {
    return write_error(
        file_->Append(rocksdb::Slice(octets.data(), octets.size()), IOOptions(), nullptr));
  }
  std::error_code sync() override {
    // No ENOSPC here either: after any failed sync nothing is known of what is on the disk.
    if (!file_->Sync(IOOptions(), nullptr).ok()) return make_error_code(Errc::store_failed);
    if (!directory_->Fsync(IOOptions(), nullptr).ok()) return make_error_code(Errc::store_failed);
    return {};
  }

 private:
  std::unique_ptr<rocksdb::FSWritableFile> file_;
  std::unique_ptr<rocksdb::FSDirectory> directory_;
};

class FileSource final : public BodyFiles::Source {
 public:
  explicit FileSource(std::unique_ptr<rocksdb::FSRandomAccessFile> file) : file_(std::move(file)) {}

  Result<std::string> read(std::uint64_t offset, std::size_t size) override {
    std::string octets(size, '\0');
    rocksdb::Slice got;
    const IOStatus status = file_->Read(offset, size, IOOptions(), &got, octets.data(), nullptr);
    if (!status.ok()) return read_error(status);
    if (got.data() != octets.data()) return std::string(got.data(), got.size());
    octets.resize(got.size());
    return octets;
  }

 private:
  std::unique_ptr<rocksdb::FSRandomAccessFile> file_;
};

class RocksFiles final : public BodyFiles {
 public:
  RocksFiles(std::string directory, std::string damaged, std::shared_ptr<FileSystem> system)
      : directory_(std::move(directory)),
        damaged_(std::move(damaged)),
        system_(std::move(system)) {}

  Result<std::unique_ptr<Sink>> create(MessageId id) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    IOStatus status = system_->NewWritableFile(path(id), FileOptions(), &file, nullptr);
    if (!status.ok()) return write_error(status);
    std::unique_ptr<rocksdb::FSDirectory> directory;
    status = system_->NewDirectory(directory_, IOOptions(), &directory, nullptr);
    if (!status.ok()) return write_error(status);
    return std::unique_ptr<Sink>(std::make_unique<FileSink>(std::move(file), std::move(directory)));
  }

  Result<std::unique_ptr<Source>> open(MessageId id) override {
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    const IOStatus status = system_->NewRandomAccessFile(path(id), FileOptions(), &file, nullptr);
    if (!status.ok()) return read_error(status);
    return std::unique_ptr<Source>(std::make_unique<FileSource>(std::move(file)));
  }

  void remove(MessageId id) override {
    system_->DeleteFile(path(id), IOOptions(), nullptr).PermitUncheckedError();
  }

  void set_aside(MessageId id) override {
    system_->RenameFile(path(id), damaged_ + "/" + id.str() + ".eml", IOOptions(), nullptr)
        .PermitUncheckedError();
  }

  std::vector<MessageId> list() override {
    std::vector<std::string> names;
    system_->GetChildren(directory_, IOOptions(), &names, nullptr).PermitUncheckedError();
    std::vector<MessageId> ids;
    for (const std::string& name : names) {
      if (const auto id = MessageId::parse(name)) ids.push_back(*id);
    }
    return ids;
  }

 private:
  std::string path(MessageId id) const { return directory_ + "/" + id.str(); }

  std::string directory_;
  std::string damaged_;
  std::shared_ptr<FileSystem> system_;
};

}  // namespace

std::unique_ptr<BodyFiles> open_body_files(std::string directory,
                                           std::string damaged,
                                           std::shared_ptr<FileSystem> file_system) {
  if (!file_system) file_system = FileSystem::Default();
  return std::make_unique<RocksFiles>(
      std::move(directory), std::move(damaged), std::move(file_system));
}

}  // namespace postern::spool
