// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "queue/spool/callback.h"
#include "queue/spool/ledger.h"
#include "queue/spool/record.h"
#include "queue/spool/store.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace postern::spool {

class Lease;
class Message;
using MessagePtr = std::shared_ptr<Message>;

/// What an attempt has brought, beside its outcome.
struct Attempt {
  smtp::Reply reply;
  std::string host;     ///< "10.0.0.5:25"; empty: none answered
  bool counted = true;  ///< false: the message was not tried, only its plan has changed
};

/// What a message asks of the spool that holds it. Any thread, also with the message's lock held.
class MessageHome {
 public:
  virtual ~MessageHome() = default;
  /// The message differs from what is stored; `soon`: somebody waits for the write.
  virtual void changed(const MessagePtr& message, bool soon) = 0;
  virtual void book(const Ledger& delta) = 0;
  virtual void remove_file(MessageId id) = 0;
  virtual void hold_memory(std::int64_t octets) = 0;
  virtual void forget(MessageId id) = 0;
  /// Counted in stats: a message that ended before it was written.
  virtual void never_written() = 0;
};

/// A message that somebody works with: fresh, or loaded for a delivery. One object per message and
/// spool; it goes when the last handle goes, what is stored stays. Any thread may call anything;
/// handles, leases and readers go before the spool does.
class Message : public std::enable_shared_from_this<Message> {
 public:
  enum class Stage : std::uint8_t {
    waiting,   ///< for its group; may still be withdrawn
    writing,   ///< in the group that is being written
    stored,    ///< durable
    unstored,  ///< its write was refused or failed; it lives in memory only
    gone,      ///< withdrawn, or settled, or removed: nothing is stored (any more)
  };

  Message(MessageHome& home, MessageId id, Record record, Stage stage, std::vector<Chunk> chunks);
  ~Message();
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  // What never changes.
  MessageId id() const { return id_; }
  const smtp::Sender& sender() const { return record_.envelope.sender; }
  const Origin& origin() const { return record_.envelope.origin; }
  const LoopFacts& loop() const { return record_.envelope.loop; }
  bool tls_not_required() const { return record_.envelope.tls_not_required; }
  const smtp::ContentFacts& content() const { return record_.envelope.content; }
  WallTime received() const { return record_.envelope.received; }
  std::uint64_t octets() const { return record_.envelope.octets; }
  std::uint32_t header_octets() const { return record_.envelope.header_octets; }
  BodyPlace place() const { return record_.place; }
  std::size_t recipients() const { return record_.envelope.recipients.size(); }
  const smtp::Recipient& address(std::size_t index) const {
    return record_.envelope.recipients.at(index).address;
  }

  /// 0: the sender's own recipient; else the kind of a copy that the gateway makes.
  std::uint8_t copy(std::size_t index) const { return record_.envelope.recipients.at(index).copy; }
  /// Whose way is asked for: of a copy, the recipient that it was made for.
  const smtp::Mailbox& asked_about(std::size_t index) const {
    const Recipient& r = record_.envelope.recipients.at(index);
    return r.copy != 0 ? r.copy_of : r.address.address;
  }

  // As it is at this moment.
  /// How many recipients have it, and how many are being delivered.
  struct Progress {
    std::size_t delivered = 0;
    std::size_t leased = 0;
  };
  Progress progress() const;
  Recipient recipient(std::size_t index) const;
  Envelope envelope() const;
  Stage stage() const { return stage_.load(std::memory_order_acquire); }

  /// The right to deliver these recipients, all or none: Errc::leased, held, settled,
  /// bad_recipient. A damaged message has none to give.
  Result<Lease> lease(std::span<const std::uint32_t> indices);
  /// All recipients that are pending and not leased; Errc::settled: there is none.
  Result<Lease> lease_pending();

  /// Takes a message back that was not written: true, and its commit ends with Errc::cancelled; it
  /// counts nowhere. False: it is in the spool (or on its way), and must be settled.
  bool withdraw();
  /// Lets the copy in memory go, once the message is stored; readers then read from the disk.
  void forget_body();
  /// No lease is given while held. `done`: when that is durable; on the committer's thread, or
  /// before this returns.
  void set_held(bool held, Done done);
  /// A config change chose other lanes; `config` is its fingerprint.
  void set_config(std::uint64_t config);

  // ---- the spool's own side ----

  /// What stage() has put into a group for one message.
  struct Staged {
    MessagePtr message;
    enum class Kind : std::uint8_t { first, update, removal, ledger_only } kind = Kind::update;
    Ledger counted;  ///< its share of the ledger as written with the group
    Ledger delta;    ///< against what was written before
    std::vector<Done> waiters;
    bool file = false;  ///< removal: its body is a file
  };
  /// Puts what must be written into the store's group; false: nothing. Committer.
  bool stage_into(Store& store, Staged& staged);
  /// The group's outcome; null `error`: written. Committer.
  void staged_is_written(Staged& staged);
  void staged_is_not_written(Staged& staged, std::error_code error, bool again);
  /// The commit fails, unless nobody is left to be delivered to: then it is as safe as can be.
  void refuse(std::error_code error);
  /// Those who wait for a change to be written are told that it never is.
  void refuse_waiters(std::error_code error);
  void on_committed(Done done);
  /// Of a body in a file; `on_disk`: all of it is on stable storage.
  void set_body_crc(std::uint32_t crc, bool on_disk);
  /// After a write that found no room: it waits for a group again, and `done` is told. False: it is
  /// settled or withdrawn, or its body is not all there.
  bool wait_again(Done done);
  /// Cannot be read: what is pending counts as damaged, and it leaves the store. False: already.
  bool set_aside();
  /// Loaded from the store: it is in the ledger already.
  void count_as_stored();
  Record record() const;
  /// What memory holds of the body; empty: nothing, or an empty message.
  std::vector<Chunk> chunks() const;
  /// Octets of the heap that it takes, the body's own not counted (footprint.cc).
  std::uint64_t footprint() const;
  bool is_settled() const;

 private:
  friend class Lease;
  static constexpr std::size_t kFates = 4;
  /// What is to be done once the lock is released.
  struct After {
    Done done;
    std::error_code error;
    void run() {
      if (done) done(error);
    }
  };

  Result<Lease> lease_locked(std::vector<std::uint32_t> indices);
  void settle(std::uint32_t index, Fate fate, Attempt attempt);
  void reschedule(std::uint32_t index, WallTime due, std::string lane, Attempt attempt);
  void mark_warned(std::uint32_t index);
  void release(std::uint32_t index);
  static void note(Recipient& recipient, Attempt attempt);
  static void remember(Recipient& recipient);

  After changed_locked(bool soon);
  After end_unwritten_locked();
  Ledger share_locked() const;
  void book_locked();
  void drop_chunks_locked();
  std::size_t pending_locked() const { return fates_[static_cast<std::size_t>(Fate::pending)]; }

  MessageHome& home_;
  const MessageId id_;
  mutable std::mutex mutex_;
  Record record_;             ///< the envelope's unchanging parts are read without the lock
  std::atomic<Stage> stage_;  ///< changed under the lock, looked at without
  std::vector<Chunk> chunks_;
  std::int64_t memory_ = 0;
  std::vector<bool> leased_;
  std::array<std::size_t, kFates> fates_{};
  bool dirty_ = false;   ///< the committer knows that there is something to write
  bool counts_ = false;  ///< it has a share of the ledger
  bool aside_ = false;
  bool has_body_ = false;  ///< in memory, or in its file: it may be written
  Ledger counted_;         ///< its share as booked
  Ledger written_;         ///< its share as stored
  Done committed_;
  std::vector<Done> waiters_;
};

/// The right to deliver some recipients of one message: nobody else gets them meanwhile. Every one
/// is settled or rescheduled; those that are not when it goes are free again, as they were. Moves,
/// one thread at a time. No call waits: what it changes is written with the next group (a crash may
/// repeat a delivery, never lose one).
class Lease {
 public:
  Lease() = default;
  Lease(MessagePtr message, std::vector<std::uint32_t> indices)
      : message_(std::move(message)), indices_(std::move(indices)) {}
  ~Lease() { release(); }
  Lease(Lease&& other) noexcept
      : message_(std::move(other.message_)), indices_(std::move(other.indices_)) {}
  Lease& operator=(Lease&& other) noexcept;

  explicit operator bool() const { return message_ != nullptr; }
  const MessagePtr& message() const { return message_; }
  /// Those still held by this lease.
  const std::vector<std::uint32_t>& indices() const { return indices_; }

  /// The end of one recipient. When it is the last of a message that was not written yet, the
  /// message never will be, and its commit ends with success: it is safe.
  void settle(std::uint32_t index, Fate fate, Attempt attempt);
  /// Later, and perhaps by another lane.
  void reschedule(std::uint32_t index, WallTime due, std::string lane, Attempt attempt);
  /// A delay warning was made for it; it stays leased.
  void mark_warned(std::uint32_t index);
  void release();

 private:
  bool take(std::uint32_t index);

  MessagePtr message_;
  std::vector<std::uint32_t> indices_;
};

}  // namespace postern::spool
