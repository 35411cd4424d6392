// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/data_dir.h"
#include "queue/spool/log_mending.h"
#include "queue/spool/spool.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace postern::spool {

/// What a Spool is made of. The order of the members is the order in which they may be used: the
/// threads come last and go first.
struct Spool::Core final : MessageHome {
  Core(std::unique_ptr<Store> with, std::unique_ptr<BodyFiles> bodies, Options how);

  // MessageHome
  void changed(const MessagePtr& message, bool soon) override;
  void book(const Ledger& delta) override;
  void remove_file(MessageId id) override;
  void hold_memory(std::int64_t octets) override;
  void forget(MessageId id) override;
  void never_written() override;

  std::error_code admits();
  std::shared_ptr<DraftFile> make_file(MessageId id);
  MessagePtr adopt(MessageId id, Record record, Message::Stage stage, std::vector<Chunk> chunks);
  MessagePtr active(MessageId id);
  /// Some of those that are in memory: all whose place in the table is in [from, to). Nothing is
  /// locked behind it: handles that go may be the last. How many there are in all, about; 0: the
  /// table ends before `from`.
  std::size_t actives_between(std::size_t from, std::size_t to, std::vector<MessagePtr>& out);
  /// The file is synced, then the message committed; `refused`: it is only kept for the delivery.
  void finish_file(const MessagePtr& message,
                   DraftFile& file,
                   std::error_code refused,
                   std::chrono::microseconds grace);
  Result<MessagePtr> load_now(MessageId id);
  /// A record that does not decode, or a body without one: out of the way, with all that is there.
  void set_record_aside(MessageId id, std::string_view record, const std::string& why);
  void set_message_aside(const MessagePtr& message, const std::string& why);
  bool save(MessageId id, std::string_view suffix, std::string_view octets) const;
  void report_damaged(MessageId id, const std::string& why);
  /// Letters that the store has lost with a part of its log. Once, before anything else.
  void tell_of(const LogMending& mending);
  /// Bodies that the store has lost of letters whose record it has: it is told when they are read.
  void keep_bodies(const std::vector<LostLetter>& letters) const;
  /// After both.
  void end_mending(const LogMending& mending) const;
  void clear_orphans(Orphans how);
  Ledger open_ledger();
  void reclaim_soon(bool idle);
  void reclaim(bool idle);
  void close();

  Options options;
  std::optional<DataDir> dir;  ///< none: the store is not on disk
  std::unique_ptr<Store> store;
  std::unique_ptr<BodyFiles> files;
  DiskSpace space;
  MessageIds ids;
  MessageId first_new;               ///< ids of this run are above it
  Ledger opening;                    ///< as found
  std::int64_t lost_recipients = 0;  ///< pending, of letters that were lost with a part of the log
  std::atomic<bool> reconciled{false};
  std::atomic<bool> closed{false};
  std::atomic<bool> reclaiming{false};
  std::atomic<bool> reclaim_wanted{false};
  std::atomic<std::int64_t> memory{0};
  std::atomic<std::uint64_t> ended_unwritten{0};
  std::atomic<std::uint64_t> damaged{0};
  std::atomic<std::uint64_t> file_octets{0};

  std::mutex active_mutex;
  std::unordered_map<std::uint64_t, std::weak_ptr<Message>> actives;

  Worker chores;   ///< compaction: may take long
  Worker writing;  ///< bodies' files: written, synced, removed, in order
  Worker reading;
  Committer committer;
};

}  // namespace postern::spool
