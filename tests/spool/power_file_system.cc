// SPDX-License-Identifier: Apache-2.0
#include "power_file_system.h"

#include <filesystem>
#include <utility>

namespace postern::spool::test {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

std::string normal(const std::string& path) {
  std::string text = std::filesystem::path(path).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/')
    text.pop_back();
  return text;
}

class TracedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  TracedFile(std::unique_ptr<rocksdb::FSWritableFile> file,
             PowerFileSystem& system,
             std::shared_ptr<PowerFileSystem::Node> node)
      : FSWritableFileOwnerWrapper(std::move(file)), system_(system), node_(std::move(node)) {}

  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    system_.write(*node_, {data.data(), data.size()});
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const Slice& data,
                  const IOOptions& options,
                  const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    system_.truncate(*node_, size);
    return FSWritableFileOwnerWrapper::Truncate(size, options, debug);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    system_.sync_file(*node_);
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    system_.sync_file(*node_);
    return IOStatus::OK();
  }

 private:
  PowerFileSystem& system_;
  std::shared_ptr<PowerFileSystem::Node> node_;
};

class TracedDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  TracedDirectory(std::unique_ptr<rocksdb::FSDirectory> directory,
                  PowerFileSystem& system,
                  std::string path)
      : FSDirectoryWrapper(std::move(directory)), system_(system), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    system_.sync_directory(path_);
    return IOStatus::OK();
  }
  IOStatus FsyncWithDirOptions(const IOOptions&,
                               IODebugContext*,
                               const rocksdb::DirFsyncOptions&) override {
    system_.sync_directory(path_);
    return IOStatus::OK();
  }

 private:
  PowerFileSystem& system_;
  std::string path_;
};

}  // namespace

PowerFileSystem::Image PowerFileSystem::image() const {
  const std::scoped_lock lock(mutex_);
  Image image;
  for (const auto& [path, node] : durable_)
    image[path] = node->durable;
  return image;
}

void PowerFileSystem::at_each_sync(std::function<void()> cut) {
  const std::scoped_lock lock(cut_mutex_);
  cut_ = std::move(cut);
}

void PowerFileSystem::cut() {
  const std::scoped_lock lock(cut_mutex_);
  if (cut_) cut_();
}

void PowerFileSystem::write(Node& node, std::string_view octets) {
  const std::scoped_lock lock(mutex_);
  node.cached += octets;
}

void PowerFileSystem::truncate(Node& node, std::uint64_t size) {
  const std::scoped_lock lock(mutex_);
  node.cached.resize(size);
}

void PowerFileSystem::sync_file(Node& node) {
  cut();
  {
    const std::scoped_lock lock(mutex_);
    node.durable = node.cached;
  }
  cut();
}

void PowerFileSystem::sync_directory(const std::string& path) {
  cut();
  {
    const std::scoped_lock lock(mutex_);
    const auto inside = [&path](const auto& entry) {
      return std::filesystem::path(entry.first).parent_path() == path;
    };
    std::erase_if(durable_, inside);
    for (const auto& entry : current_) {
      if (inside(entry)) durable_.insert(entry);
    }
  }
  cut();
}

IOStatus PowerFileSystem::NewWritableFile(const std::string& name,
                                          const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSWritableFile>* result,
                                          IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  if (!status.ok() || name.ends_with("/LOG")) return status;
  auto node = std::make_shared<Node>();
  {
    const std::scoped_lock lock(mutex_);
    current_[normal(name)] = node;
  }
  *result = std::make_unique<TracedFile>(std::move(*result), *this, std::move(node));
  return status;
}

IOStatus PowerFileSystem::ReopenWritableFile(const std::string& name,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                                             IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::ReopenWritableFile(name, options, result, debug);
  const std::scoped_lock lock(mutex_);
  const auto found = current_.find(normal(name));
  if (!status.ok() || found == current_.end()) return status;
  *result = std::make_unique<TracedFile>(std::move(*result), *this, found->second);
  return status;
}

IOStatus PowerFileSystem::NewDirectory(const std::string& name,
                                       const IOOptions& options,
                                       std::unique_ptr<rocksdb::FSDirectory>* result,
                                       IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::NewDirectory(name, options, result, debug);
  if (status.ok()) {
    *result = std::make_unique<TracedDirectory>(std::move(*result), *this, normal(name));
  }
  return status;
}

IOStatus PowerFileSystem::DeleteFile(const std::string& name,
                                     const IOOptions& options,
                                     IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::DeleteFile(name, options, debug);
  const std::scoped_lock lock(mutex_);
  if (status.ok()) current_.erase(normal(name));
  return status;
}

IOStatus PowerFileSystem::RenameFile(const std::string& from,
                                     const std::string& to,
                                     const IOOptions& options,
                                     IODebugContext* debug) {
  const IOStatus status = FileSystemWrapper::RenameFile(from, to, options, debug);
  const std::scoped_lock lock(mutex_);
  const auto found = current_.find(normal(from));
  if (!status.ok() || found == current_.end()) return status;
  current_[normal(to)] = found->second;
  current_.erase(found);
  return status;
}

}  // namespace postern::spool::test
