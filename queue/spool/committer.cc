// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/committer.h"

#include "queue/spool/errors.h"

#include <algorithm>
#include <utility>

namespace postern::spool {
namespace {

using Clock = std::chrono::steady_clock;

// While the disk is full, what waits is tried again this often.
constexpr std::chrono::milliseconds kFullDelay{250};
// Syncs with no more than this between them are load.
constexpr std::chrono::milliseconds kCloseBehind{1};
/// A part of the company that is worth the wait: one in so many.
constexpr std::size_t kSomeCompany = 4;
// Messages that are kept out of groups for a while come in together, a millisecond a step.
Committer::SteadyTime next_tick(Committer::SteadyTime time) {
  return std::chrono::ceil<std::chrono::milliseconds>(time);
}

}  // namespace

Committer::Committer(Store& store,
                     DiskSpace& space,
                     MessageIds& ids,
                     const Ledger& opening,
                     CommitterOptions options,
                     Hooks hooks)
    : store_(store),
      space_(space),
      ids_(ids),
      options_(options),
      hooks_(std::move(hooks)),
      ledger_(opening),
      written_(opening),
      last_sync_(Clock::now()),
      last_reclaim_(Clock::now()),
      thread_(&Committer::run, this) {}

Committer::~Committer() {
  stop();
}

void Committer::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

// ---- what others ask ----

void Committer::commit(MessagePtr message, SteadyTime not_before, Arrival arrival) {
  if (not_before > Clock::now()) not_before = next_tick(not_before);
  bool wake = false;
  bool closed = false;
  {
    const std::scoped_lock lock(mutex_);
    closed = stopping_;
    // Under the lock: the thread never sees it neither here nor there.
    arrival.end();
    if (!closed) {
      fresh_.push_back({message, not_before});
      const bool enough = fresh_.size() >= enough_ || arriving_ == 0;
      wake = enough && std::exchange(sleeping_, false);
    }
  }
  if (closed) message->refuse(make_error_code(Errc::closed));
  if (wake) wake_.notify_one();
}

void Committer::changed(MessagePtr message, bool soon) {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    wake = delay_locked();
    if (soon) {
      soon_ = true;
      wake = std::exchange(sleeping_, false) || wake;
    }
    changed_.push_back(std::move(message));
  }
  if (wake) wake_.notify_one();
}

bool Committer::has_lazy_locked() const {
  return !changed_.empty() || !removals_.empty() || correction_ != Ledger{};
}

/// Something comes that nobody waits for: it is written after a while. True: wake the thread.
bool Committer::delay_locked() {
  if (has_lazy_locked()) return false;
  lazy_at_ = Clock::now() + options_.settle_delay;
  return std::exchange(sleeping_, false);
}

void Committer::remove_record(MessageId id, bool with_body) {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    wake = delay_locked();
    removals_.push_back({id, with_body});
  }
  if (wake) wake_.notify_one();
}

void Committer::correct(const Ledger& delta) {
  book(delta);
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    wake = delay_locked();
    correction_ += delta;
  }
  if (wake) wake_.notify_one();
}

void Committer::fail(const std::string& why) {
  health_ = Health::failed;
  hooks_.trouble(why);
}

Committer::Counters Committer::counters() const {
  const std::scoped_lock lock(mutex_);
  return counters_;
}

std::size_t Committer::waiting() const {
  const std::scoped_lock lock(mutex_);
  return fresh_.size();
}

void Committer::book(const Ledger& delta) {
  const std::scoped_lock lock(book_mutex_);
  ledger_ += delta;
}

Ledger Committer::ledger() const {
  const std::scoped_lock lock(book_mutex_);
  return ledger_;
}

// ---- the thread ----

void Committer::run() {
  for (;;) {
    Group group = next_group();
    if (!group.idle) process(group);
    tidy(group);
    if (group.last) {
      stranded_.clear();
      return;
    }
  }
}

/// Fresh messages whose time has come, up to the octets of a group (one at least).
void Committer::take_fresh_locked(Group& group, SteadyTime now) {
  std::uint64_t octets = 0;
  std::size_t kept = 0;
  for (Fresh& fresh : fresh_) {
    // Delivered or withdrawn meanwhile.
    if (fresh.message->stage() != Message::Stage::waiting) continue;
    const bool fits = group.fresh.empty() || octets < options_.group_octets;
    if (fits && (stopping_ || fresh.not_before <= now)) {
      if (fresh.message->place() == BodyPlace::database) octets += fresh.message->octets();
      group.fresh.push_back(std::move(fresh.message));
    } else {
      // Not onto itself: a moved-from message would be lost.
      if (&fresh_[kept] != &fresh) fresh_[kept] = std::move(fresh);
      ++kept;
    }
  }
  fresh_.resize(kept);
}

/// Fresh messages are there, and are left for company to come.
bool Committer::gathers_locked(SteadyTime now) {
  if (!gathering_ || stopping_ || soon_) return false;
  std::size_t due = 0;
  for (const Fresh& fresh : fresh_) {
    due += fresh.not_before <= now && fresh.message->stage() == Message::Stage::waiting;
  }
  if (due == 0 || due >= options_.company || arriving_ == 0) {
    gathering_since_ = SteadyTime::max();
    return false;
  }
  if (gathering_since_ == SteadyTime::max()) gathering_since_ = now;
  if (now < gathering_since_ + options_.patience) return true;
  gathering_since_ = SteadyTime::max();
  // Some company came, though not all of it: the next group waits for its own again.
  gathering_ = due * kSomeCompany > options_.company;
  if (!gathering_) alone_until_ = now + options_.alone;
  return false;
}

bool Committer::take_locked(Group& group, SteadyTime now) {
  if (!gathers_locked(now)) take_fresh_locked(group, now);
  group.close_behind = now - last_sync_ < kCloseBehind;
  const bool lazy_due = has_lazy_locked() && now >= lazy_at_;
  if (group.fresh.empty() && !lazy_due && !soon_ && !stopping_) return false;
  group.durable = !group.fresh.empty() || soon_ || stopping_ ||
                  (owes_sync() && now - last_sync_ >= options_.unlink_delay);
  group.changed = std::exchange(changed_, {});
  group.removals = std::exchange(removals_, {});
  group.correction = std::exchange(correction_, {});
  soon_ = false;
  group.last = stopping_ && fresh_.empty();
  return true;
}

/// Nobody waits for it, but space that removed bodies have taken.
bool Committer::owes_sync() const {
  return !unlinks_.empty() || store_.wants_sync();
}

Committer::SteadyTime Committer::wake_time_locked() const {
  SteadyTime at = SteadyTime::max();
  for (const Fresh& fresh : fresh_)
    at = std::min(at, fresh.not_before);
  if (gathering_since_ != SteadyTime::max()) at = gathering_since_ + options_.patience;
  if (has_lazy_locked()) at = std::min(at, lazy_at_);
  if (owes_sync()) at = std::min(at, last_sync_ + options_.unlink_delay);
  if (removed_since_reclaim_) at = std::min(at, last_reclaim_ + options_.reclaim_delay);
  return at;
}

Committer::Group Committer::next_group() {
  std::unique_lock lock(mutex_);
  Group group;
  for (;;) {
    const SteadyTime now = Clock::now();
    if (take_locked(group, now)) return group;
    const SteadyTime at = wake_time_locked();
    if (at <= now) {
      group.idle = true;
      return group;
    }
    sleeping_ = true;
    enough_ = gathering_since_ != SteadyTime::max() ? options_.company : 0;
    if (at == SteadyTime::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, at);
    }
    sleeping_ = false;
  }
}

bool Committer::recover() {
  if (health() != Health::full) return health() == Health::good;
  if (!space_.has_room()) return false;
  const WriteOutcome outcome = store_.resume();
  if (outcome == WriteOutcome::failed) fail(store_.trouble());
  if (outcome != WriteOutcome::ok) return false;
  Health full = Health::full;
  return health_.compare_exchange_strong(full, Health::good);
}

/// What has become of its recipients will never be written. Nobody may read the message again as
/// the store last knew it, and deliver to them a second time: it stays in memory, also when nobody
/// is pending any more, or its client was told to come again.
void Committer::strand(const MessagePtr& message) {
  if (message->is_settled()) message->forget_body();
  stranded_.insert(message);
}

/// Nothing can be written at the moment: fresh messages are told, changes wait for better times.
void Committer::refuse_all(Group& group, std::error_code error) {
  for (const MessagePtr& message : group.fresh)
    message->refuse(error);
  if (health() == Health::failed) {
    for (const MessagePtr& message : group.changed) {
      strand(message);
      message->refuse_waiters(error);
    }
    return;
  }
  const std::scoped_lock lock(mutex_);
  changed_.insert(changed_.end(), group.changed.begin(), group.changed.end());
  removals_.insert(removals_.end(), group.removals.begin(), group.removals.end());
  correction_ += group.correction;
  lazy_at_ = Clock::now() + kFullDelay;
}

void Committer::process(Group& group) {
  if (!recover()) {
    const bool full = health() == Health::full;
    refuse_all(group, make_error_code(full ? Errc::no_space : Errc::store_failed));
    return;
  }
  std::vector<Message::Staged> staged;
  staged.reserve(group.fresh.size() + group.changed.size());
  Ledger ledger = written_;
  ledger += group.correction;
  const auto stage = [&](const MessagePtr& message) {
    Message::Staged one;
    if (!message->stage_into(store_, one)) return;
    ledger += one.delta;
    staged.push_back(std::move(one));
  };
  for (const MessagePtr& message : group.fresh)
    stage(message);
  for (const MessagePtr& message : group.changed)
    stage(message);
  for (const Removal& removal : group.removals)
    store_.remove(removal.id, removal.with_body);
  const bool nothing = staged.empty() && group.removals.empty() && group.correction == Ledger{};
  if (nothing && !owes_sync()) return;
  store_.put_ledger(encode_ledger({ledger, ids_.last()}));
  const WriteOutcome outcome = store_.write(group.durable);
  // fail() may have been called meanwhile: what is durable is durable, but no more is promised.
  if (outcome == WriteOutcome::ok && health() == Health::good) {
    written_ = ledger;
    written(group, staged);
  } else {
    not_written(group, staged, outcome == WriteOutcome::ok ? WriteOutcome::failed : outcome);
  }
}

void Committer::written(Group& group, std::vector<Message::Staged>& staged) {
  std::size_t fresh = 0;
  for (Message::Staged& one : staged) {
    if (one.kind == Message::Staged::Kind::first) ++fresh;
    if (one.kind != Message::Staged::Kind::removal) continue;
    removed_since_reclaim_ = true;
    if (one.file) unlinks_.push_back(one.message->id());
  }
  if (!group.removals.empty()) removed_since_reclaim_ = true;
  {
    const std::scoped_lock lock(mutex_);
    ++(group.durable ? counters_.groups : counters_.lazy_writes);
    counters_.messages += fresh;
  }
  for (Message::Staged& one : staged)
    one.message->staged_is_written(one);
  if (!group.durable) return;
  last_sync_ = Clock::now();
  // One at a time is a client that waits for us: nobody else comes.
  if (fresh > 1 && group.close_behind && last_sync_ >= alone_until_) {
    gathering_ = options_.company > 0;
  }
  for (const MessageId id : std::exchange(unlinks_, {}))
    hooks_.unlink(id);
}

void Committer::not_written(Group& group,
                            std::vector<Message::Staged>& staged,
                            WriteOutcome outcome) {
  const bool full = outcome == WriteOutcome::no_room && health() != Health::failed;
  health_ = full ? Health::full : Health::failed;
  hooks_.trouble(store_.trouble());
  const std::error_code error = make_error_code(full ? Errc::no_space : Errc::store_failed);
  for (Message::Staged& one : staged) {
    // A failed sync leaves in the store what it was to make durable: also what is fresh, and
    // refused now.
    if (!full) strand(one.message);
    one.message->staged_is_not_written(one, error, full);
  }
  group.fresh.clear();
  group.changed.clear();
  refuse_all(group, error);
}

/// What is not urgent and comes with the quiet: a sync for removed files, space given back.
void Committer::tidy(const Group& group) {
  const SteadyTime now = Clock::now();
  if (group.idle && owes_sync() && now - last_sync_ >= options_.unlink_delay) {
    Group sync;
    sync.durable = true;
    process(sync);
    last_sync_ = Clock::now();  // also when it could not be: not in a tight loop
  }
  if (removed_since_reclaim_ && (now - last_reclaim_ >= options_.reclaim_delay || group.last)) {
    removed_since_reclaim_ = false;
    last_reclaim_ = now;
    if (!group.last) hooks_.reclaim(group.idle);
  }
}

}  // namespace postern::spool
