// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/log_mending.h"
#include "queue/spool/store.h"

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace rocksdb {
class FileSystem;
class SystemClock;
}  // namespace rocksdb

namespace postern::spool {

struct RocksOptions {
  std::string path;  ///< of the database's own directory
  /// Directory for the bodies of `segment_body_octets` and more (segments.h); empty: the database
  /// has all of them.
  std::string segments;
  std::string damaged;  ///< directory that a damaged segment is linked into as well
  /// Groups were taken out of its log (log_mending.h): places of bodies may have been in them.
  bool log_is_mended = false;
  /// Below it packing a body and keeping it in the database costs less than it spares the disk.
  std::uint64_t segment_body_octets = 32ULL << 10;
  std::uint64_t segment_octets = 32ULL << 20;  ///< Segments::Options::full_octets
  /// What is younger than this many octets of traffic lives and dies in memory (and the log).
  std::uint64_t memtable_octets = 192ULL << 20;
  /// Garbage that is tolerated before space is given back.
  std::uint64_t slack_octets = 64ULL << 20;
  /// Null: the system's. Tests put a layer here that fails or forgets.
  std::shared_ptr<rocksdb::FileSystem> file_system;
  /// Null: the system's. RocksDB sleeps a second by it after a failed flush.
  std::shared_ptr<rocksdb::SystemClock> clock;
};

struct SegmentFindings {
  std::vector<std::string> lines;   ///< for the administrators' log
  std::vector<LostLetter> letters;  ///< of frames that the log has lost and that are damaged
  /// Ids of letters that are not lost where the log has lost them: frames have removed them.
  std::set<std::uint64_t> removed;
};

/// The store in an embedded RocksDB: records and small bodies in two ranges of keys, one log, one
/// sync for both; bodies go to blob files, so that compaction moves keys and not mail. A group with
/// larger bodies is made durable by one sync of a segment, with which the log is put right after a
/// crash.
/// README.md beside this has the layout and the reasons for each option.
class RocksStore final : public Store {
 public:
  /// Blocks while the log is replayed. The error's text is RocksDB's.
  static Result<std::unique_ptr<RocksStore>, std::string> open(const RocksOptions& options);
  ~RocksStore() override;

  void put(MessageId id, std::string_view record) override;
  void put_body(MessageId id, std::span<const Chunk> chunks) override;
  void remove(MessageId id, bool with_body) override;
  void put_ledger(std::string_view record) override;
  WriteOutcome write(bool durable) override;
  WriteOutcome resume() override;
  const std::string& trouble() const override;

  Result<std::string> record(MessageId id) override;
  Result<std::string> body(MessageId id) override;
  Result<std::string> damaged_body(MessageId id) override;
  Result<std::string> ledger() override;
  MessageId last_id() override;
  bool scan(MessageId after,
            std::size_t limit,
            const std::function<void(MessageId, std::string_view)>& visit,
            const std::function<void(MessageId)>& unreadable) override;
  void reclaim(std::uint64_t queued_octets, bool idle) override;
  void interrupt() override;
  bool wants_sync() const override;
  std::uint64_t octets_written() const override;
  StoreMemory memory() const override;

  /// What was wrong with the segments when they were opened.
  const SegmentFindings& findings() const;
  /// The bodies of letters that the database has lost, as body() would give them, as far as
  /// segments have them: until the first write() has removed what nobody needs. Blocks, for as long
  /// as it takes to read the heads of all frames; what it gives reads one body, with
  /// Errc::not_found, damaged, read_failed, and goes before the store does.
  using LostBody = std::function<Result<std::string>(MessageId)>;
  LostBody lost_bodies(const std::set<std::uint64_t>& ids) const;

 private:
  struct Database;  // everything that names RocksDB
  explicit RocksStore(std::unique_ptr<Database> database);

  std::unique_ptr<Database> db_;
};

}  // namespace postern::spool
