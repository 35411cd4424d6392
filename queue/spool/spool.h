// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "base/result.h"
#include "queue/spool/body_reader.h"
#include "queue/spool/committer.h"
#include "queue/spool/draft.h"
#include "queue/spool/errors.h"
#include "queue/spool/message.h"
#include "queue/spool/store.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>

namespace postern::spool {

struct Options {
  std::string data_dir;
  /// A body of more octets gets a file of its own; its group would make the others wait.
  std::uint64_t spill_octets = 256ULL << 10;
  /// Octets of such a body that may wait for the disk before its reader has to.
  std::uint64_t window_octets = 1ULL << 20;
  /// Octets that stay free for settling, and for the log to be written (452 4.3.1 below).
  std::uint64_t reserve_octets = 256ULL << 20;
  std::chrono::milliseconds space_interval{250};    ///< how often the file system is asked at most
  FreeOctets free_octets;                           ///< empty: statvfs of data_dir
  std::uint64_t memtable_octets = 192ULL << 20;     ///< RocksOptions
  std::uint64_t slack_octets = 64ULL << 20;         ///< RocksOptions
  std::uint64_t segment_body_octets = 32ULL << 10;  ///< RocksOptions
  std::uint64_t segment_octets = 32ULL << 20;       ///< RocksOptions
  CommitterOptions committer;
  /// A message was moved to data_dir/damaged: its id, and why. Any thread.
  std::function<void(MessageId, const std::string&)> on_damaged;
  /// Something for the administrators' log: the disk is full, a write failed. Any thread.
  std::function<void(const std::string&)> on_trouble;
};

struct Stats {
  Ledger ledger;
  Health health = Health::good;
  std::uint64_t groups = 0;           ///< written with a sync
  std::uint64_t lazy_writes = 0;      ///< written without
  std::uint64_t committed = 0;        ///< messages made durable
  std::uint64_t never_written = 0;    ///< messages that were delivered before their group
  std::uint64_t damaged_records = 0;  ///< moved aside
  std::uint64_t octets_written = 0;   ///< into the store's log
  std::uint64_t file_octets = 0;      ///< into bodies' files
  std::int64_t memory_octets = 0;     ///< of bodies held in memory
  std::uint64_t free_octets = 0;      ///< on the disk
  std::size_t waiting = 0;            ///< messages that wait for their group
};

/// What of the process's memory is the spool's, in octets.
struct MemoryUse {
  StoreMemory store;
  std::uint64_t bodies = 0;          ///< Stats::memory_octets
  std::size_t letters = 0;           ///< messages that somebody has in hand, or keeps at hand
  std::uint64_t letters_octets = 0;  ///< of these, without their bodies: Message::footprint()
};

/// The durable queue: takes messages (append, commit), gives them out to be delivered (lease),
/// learns what became of them (settle, reschedule: message.h) and tells what it holds (scan). R15
/// is kept here: success of a commit means that the message is on stable storage or was delivered
/// to everybody. Any thread may call anything unless a line says otherwise; no call of an io thread
/// waits for the disk. Drafts, messages, leases and readers go before it does, and the io_contexts
/// of those that wait for it after close().
class Spool {
 public:
  /// Opens or makes data_dir; replays the log, removes what aborted drafts left. Blocks.
  static Result<std::unique_ptr<Spool>, OpenError> open(Options options);
  /// The same on a map in memory, for tests of what uses a spool.
  static std::unique_ptr<Spool> in_memory(Options options = {});
  /// What becomes of bodies' files that no record is for.
  enum class Orphans : std::uint8_t {
    removed,    ///< they are of drafts
    set_aside,  ///< the store may have lost the record
  };
  /// On any store; `files` null: large bodies stay in memory.
  Spool(std::unique_ptr<Store> store,
        std::unique_ptr<BodyFiles> files,
        Options options,
        Orphans orphans = Orphans::removed);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // ---- append ----

  /// A new message. Errc::no_space, store_failed, closed: say 452 before anything is received.
  Result<Draft> begin();
  /// The draft becomes a message with this envelope (its `octets` are filled in). `done` is told
  /// once when it is safe (no error), or why it is not: on the committer's thread, or before this
  /// returns. `grace`: the message is kept out of groups for so long; when a delivery ends in that
  /// time it is never written. Deliver it from the returned handle meanwhile.
  MessagePtr commit(Draft draft,
                    Envelope envelope,
                    Done done,
                    std::chrono::microseconds grace = {});
  /// Once more, after Errc::no_space: a message that is being delivered meanwhile, and that may use
  /// the reserve. False: `done` is never told, since it is settled or withdrawn or cannot be
  /// written.
  bool commit_again(const MessagePtr& message, Done done);
  /// The same as commit() for a coroutine that only waits.
  net::Awaitable<std::error_code> commit(Draft draft, Envelope envelope);

  // ---- lease, and what goes with it ----

  /// The message with that id, from whoever works with it or from the store. Errc::not_found,
  /// damaged, read_failed. `loaded` on the spool's reading thread.
  using Loaded = Callback<void(Result<MessagePtr>)>;
  void load(MessageId id, Loaded loaded);
  net::Awaitable<Result<MessagePtr>> load(MessageId id);
  /// The octets of a message.
  BodyReader read(MessagePtr message);
  net::Awaitable<std::error_code> hold(MessageId id, bool held);

  // ---- scan ----

  enum class Which : std::uint8_t {
    recovered,  ///< what was there when the spool was opened: once, at the start
    all,        ///< as stored at this moment
  };
  /// Every stored message in the order of ids, without its body. Blocks: not on an io thread.
  /// `recovered` also settles the ledger with what is really there. Returns how many were visited.
  using Visit = std::function<void(MessageId, const Envelope&)>;
  std::size_t scan(Which which, const Visit& visit);

  // ---- the rest ----

  Stats stats() const;
  /// Looks at the messages that are in memory, up to so many of them: a microsecond for each. The
  /// others count as these do on average.
  MemoryUse memory_use(std::size_t look_at = std::numeric_limits<std::size_t>::max()) const;
  /// Cheap.
  Health health() const;
  /// Octets of bodies that are held in memory; cheap.
  std::int64_t memory_octets() const;
  /// Counts octets of a letter that are in memory and in no draft yet (its header block); less than
  /// zero gives them back. Any thread.
  void hold_memory(std::int64_t octets);
  /// Gives space back now. Tests and operators; it happens by itself.
  void reclaim(Done done);
  /// Writes what is pending and stops; everything after it fails with Errc::closed. Once, blocks.
  void close();

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace postern::spool
