// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/arrival.h"
#include "queue/spool/disk_space.h"
#include "queue/spool/message.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace postern::spool {

/// Whether anything can be made durable at this moment.
enum class Health : std::uint8_t {
  good,
  full,    ///< no room; mends itself when there is room again
  failed,  ///< a write or sync failed: nothing is acknowledged any more
};

struct CommitterOptions {
  /// How long a change that nobody waits for may stay unwritten.
  std::chrono::milliseconds settle_delay{50};
  /// How often removed bodies that are files may cost a sync of their own, when nothing else syncs.
  std::chrono::milliseconds unlink_delay{1000};
  /// After this long with removals since, space is given back.
  std::chrono::milliseconds reclaim_delay{5000};
  /// Octets of bodies in one group; what is above waits for the next, so that no sync takes long.
  std::uint64_t group_octets = 8ULL << 20;
  /// Under load a sync waits until so many fresh messages are there (0: never), as long as others
  /// are being received, and `patience` at most: where the disk syncs faster than messages come,
  /// almost each would have a sync of its own.
  std::size_t company = 8;
  std::chrono::microseconds patience{4000};
  /// Where they did not come together in that time, nobody waits for company for so long.
  std::chrono::milliseconds alone{100};
};

/// The one thread that writes: whatever waits at that moment becomes durable in one write and one
/// sync (group commit). A message that comes alone is written at once; where several come at a
/// time, they wait for each other a little (CommitterOptions::company).
class Committer {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  struct Hooks {
    std::function<void(MessageId)> unlink;  ///< the removal of a body that is a file is durable
    std::function<void(bool idle)> reclaim;
    std::function<void(const std::string&)> trouble;  ///< for the log: what a write said
  };
  struct Counters {
    std::uint64_t groups = 0;       ///< with a sync
    std::uint64_t lazy_writes = 0;  ///< without
    std::uint64_t messages = 0;     ///< made durable
  };

  /// `store` and `space` outlive it. `opening`: the ledger as stored.
  Committer(Store& store,
            DiskSpace& space,
            MessageIds& ids,
            const Ledger& opening,
            CommitterOptions options,
            Hooks hooks);
  ~Committer();
  Committer(const Committer&) = delete;

  // Any thread, none waits.
  /// A fresh message; not in a group before `not_before`, so that a quick delivery can spare it.
  /// `arrival`: its own, which ends here.
  void commit(MessagePtr message, SteadyTime not_before, Arrival arrival = {});
  void changed(MessagePtr message, bool soon);
  /// A record that no Message stands for leaves the store.
  void remove_record(MessageId id, bool with_body);
  /// The ledger is put right by this much, in memory and in what is stored.
  void correct(const Ledger& delta);
  /// A sync failed elsewhere (a body's file): final here too.
  void fail(const std::string& why);
  Health health() const { return health_.load(std::memory_order_relaxed); }
  Counters counters() const;
  /// Fresh messages that wait.
  std::size_t waiting() const;
  /// How many messages are being received at the moment: each counts itself (Arrival).
  std::atomic<std::size_t>& arriving() { return arriving_; }
  void book(const Ledger& delta);
  Ledger ledger() const;
  /// Writes what there is, then ends; later commits fail with Errc::closed. Once.
  void stop();

 private:
  struct Fresh {
    MessagePtr message;
    SteadyTime not_before;
  };
  struct Removal {
    MessageId id;
    bool with_body;
  };
  struct Group {
    std::vector<MessagePtr> fresh;
    std::vector<MessagePtr> changed;
    std::vector<Removal> removals;
    Ledger correction;
    bool durable = false;
    bool idle = false;          ///< woken with nothing to do
    bool close_behind = false;  ///< the sync before has only just ended
    bool last = false;
  };

  void run();
  Group next_group();
  bool has_lazy_locked() const;
  bool delay_locked();
  bool take_locked(Group& group, SteadyTime now);
  bool gathers_locked(SteadyTime now);
  void take_fresh_locked(Group& group, SteadyTime now);
  bool owes_sync() const;
  SteadyTime wake_time_locked() const;
  void process(Group& group);
  void refuse_all(Group& group, std::error_code error);
  void strand(const MessagePtr& message);
  bool recover();
  void written(Group& group, std::vector<Message::Staged>& staged);
  void not_written(Group& group, std::vector<Message::Staged>& staged, WriteOutcome outcome);
  void tidy(const Group& group);

  Store& store_;
  DiskSpace& space_;
  MessageIds& ids_;
  const CommitterOptions options_;
  const Hooks hooks_;
  std::atomic<Health> health_{Health::good};

  std::atomic<std::size_t> arriving_{0};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool sleeping_ = false;
  std::size_t enough_ = 0;  ///< fresh messages that are worth waking the thread for
  bool stopping_ = false;
  bool soon_ = false;  ///< somebody waits for a change
  std::vector<Fresh> fresh_;
  std::vector<MessagePtr> changed_;
  std::vector<Removal> removals_;
  Ledger correction_;
  SteadyTime lazy_at_{};  ///< when changes are written at the latest
  Counters counters_;

  mutable std::mutex book_mutex_;
  Ledger ledger_;

  // The thread's own.
  Ledger written_;                  ///< as stored
  std::vector<MessageId> unlinks_;  ///< removed, not yet durably
  std::set<MessagePtr> stranded_;   ///< changed after a failure, which the store does not know
  SteadyTime last_sync_{};
  bool gathering_ = false;  ///< messages come together: they wait for each other
  SteadyTime gathering_since_ = SteadyTime::max();  ///< max: nobody waits yet
  SteadyTime alone_until_{};
  SteadyTime last_reclaim_{};
  bool removed_since_reclaim_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace postern::spool
