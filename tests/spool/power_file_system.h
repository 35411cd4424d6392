// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <rocksdb/file_system.h>
#include <string>

namespace postern::spool::test {

/// A disk that remembers what of it would survive a power cut at this moment: of a file what was
/// synced, of a directory the names that its last sync found. Strict: nothing else survives. The
/// real disk is not synced at all. Any thread.
class PowerFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  /// The surviving files: path and octets.
  using Image = std::map<std::string, std::string>;

  PowerFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "PowerFileSystem"; }

  Image image() const;
  /// Called before and after each sync takes effect, one call at a time.
  void at_each_sync(std::function<void()> cut);

  rocksdb::IOStatus NewWritableFile(const std::string& name,
                                    const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  /// Of a file that was made through this.
  rocksdb::IOStatus ReopenWritableFile(const std::string& name,
                                       const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name,
                                 const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from,
                               const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

  /// A file as such, under whatever name.
  struct Node {
    std::string cached;   ///< as written
    std::string durable;  ///< as synced
  };
  void write(Node& node, std::string_view octets);
  void truncate(Node& node, std::uint64_t size);
  void sync_file(Node& node);
  void sync_directory(const std::string& path);

 private:
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  void cut();

  mutable std::mutex mutex_;
  Names current_;
  Names durable_;
  std::mutex cut_mutex_;
  std::function<void()> cut_;
};

}  // namespace postern::spool::test
