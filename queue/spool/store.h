// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "queue/spool/errors.h"
#include "queue/spool/message_id.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::spool {

/// A block of a message: shared, never changed. Null means the end where blocks are read.
using Chunk = std::shared_ptr<const std::string>;

/// How a group's write ended.
enum class WriteOutcome : std::uint8_t {
  ok,
  no_room,  ///< the disk is full, nothing of the group counts; resume() may mend it
  failed,   ///< for good: what reached the disk is unknown. A failed sync is always this
};

/// What a store has of the process's memory, in octets.
struct StoreMemory {
  std::uint64_t memtables = 0;  ///< what was written last; goes to files when it is too much
  std::uint64_t memtables_limit = 0;
  std::uint64_t cache = 0;  ///< what was read last, and can be dropped
  std::uint64_t cache_limit = 0;
  std::uint64_t tables = 0;  ///< indexes of files that are open: grows with what is stored
};

/// What is behind the spool: records and small bodies by id, written in groups. The narrow waist:
/// an embedded database (rocks_store.h), a map for tests (memory_store.h), later a replicated one.
class Store {
 public:
  virtual ~Store() = default;

  // A group is put together and written by one thread, the committer. write() leaves an empty
  // group.
  virtual void put(MessageId id, std::string_view record) = 0;
  virtual void put_body(MessageId id, std::span<const Chunk> chunks) = 0;
  /// `with_body`: put_body() was called for it, once.
  virtual void remove(MessageId id, bool with_body) = 0;
  virtual void put_ledger(std::string_view record) = 0;
  /// All of the group or, after a crash, nothing of it. `durable`: it and all before it survive a
  /// power loss once this returns ok. Blocks.
  virtual WriteOutcome write(bool durable) = 0;
  /// After no_room, when there is room again; ok: writing goes on. The committer only.
  virtual WriteOutcome resume() = 0;
  /// What went wrong last, for the log. The committer only.
  virtual const std::string& trouble() const = 0;

  // Any thread; they block.
  /// Errc::not_found; Errc::damaged: it is there and cannot be read.
  virtual Result<std::string> record(MessageId id) = 0;
  virtual Result<std::string> body(MessageId id) = 0;
  /// What is left of a body that body() calls damaged, wrong octets and all, for a person to look
  /// at. Errc::not_found: nothing that is known to be of it.
  virtual Result<std::string> damaged_body(MessageId /*id*/) {
    return make_error_code(Errc::not_found);
  }
  virtual Result<std::string> ledger() = 0;
  /// The highest id that has a record; zero: none has.
  virtual MessageId last_id() = 0;
  /// The records with ids above `after` in the order of ids, `limit` of them at most, as they are
  /// when it begins; true: there may be more. What cannot be read is skipped and told to
  /// `unreadable` as the ids of bodies in the gap. The store cannot be opened again (resume) until
  /// it returns, so that what is called may not wait for anybody.
  virtual bool scan(MessageId after,
                    std::size_t limit,
                    const std::function<void(MessageId, std::string_view)>& visit,
                    const std::function<void(MessageId)>& unreadable) = 0;
  /// Gives space back that `queued_octets` of bodies do not need; `idle`: nothing else is going on.
  /// May take long; one thread at a time, not the committer.
  virtual void reclaim(std::uint64_t queued_octets, bool idle) = 0;
  /// reclaim() ends soon, now and from now on. Any thread.
  virtual void interrupt() = 0;
  /// Removals have been written, and a durable write() would let space go that they have freed. The
  /// committer only.
  virtual bool wants_sync() const { return false; }
  /// Octets handed to the disk by write(), the store's own framing not counted.
  virtual std::uint64_t octets_written() const = 0;
  /// As of now; a store that has no memory of its own to tell of has zeros. Any thread, also while
  /// the store is being opened again; waits for nobody.
  virtual StoreMemory memory() const { return {}; }
};

/// Bodies that are too large for the store, a file each, synced before their record is written.
/// Every call blocks; any thread.
class BodyFiles {
 public:
  /// A file being written; destroying it closes it and leaves it where it is.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual std::error_code append(std::string_view octets) = 0;
    /// The octets, and the file's name in its directory, are on stable storage.
    virtual std::error_code sync() = 0;
  };
  class Source {
   public:
    virtual ~Source() = default;
    /// Up to `size` octets from `offset`; fewer only at the end.
    virtual Result<std::string> read(std::uint64_t offset, std::size_t size) = 0;
  };

  virtual ~BodyFiles() = default;
  virtual Result<std::unique_ptr<Sink>> create(MessageId id) = 0;
  virtual Result<std::unique_ptr<Source>> open(MessageId id) = 0;
  virtual void remove(MessageId id) = 0;
  /// Takes it out of the way, for a person to look at; the file keeps its octets.
  virtual void set_aside(MessageId id) = 0;
  virtual std::vector<MessageId> list() = 0;
};

}  // namespace postern::spool
