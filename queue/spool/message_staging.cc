// SPDX-License-Identifier: Apache-2.0
// The committer's side of a message: into a group, and what the group's outcome means for it.
#include "queue/spool/errors.h"
#include "queue/spool/message.h"

#include <utility>

namespace postern::spool {

void Message::on_committed(Done done) {
  const std::scoped_lock lock(mutex_);
  committed_ = std::move(done);
}

void Message::set_body_crc(std::uint32_t crc, bool on_disk) {
  const std::scoped_lock lock(mutex_);
  record_.body_crc = crc;
  has_body_ = on_disk;
}

bool Message::wait_again(Done done) {
  const std::scoped_lock lock(mutex_);
  if (stage_ != Stage::unstored || !has_body_ || pending_locked() == 0) return false;
  stage_ = Stage::waiting;
  committed_ = std::move(done);
  return true;
}

bool Message::stage_into(Store& store, Staged& staged) {
  const std::scoped_lock lock(mutex_);
  const bool first = stage_ == Stage::waiting;
  const bool ended = stage_ == Stage::gone && counts_ && dirty_;
  if (!first && !ended && !(stage_ == Stage::stored && dirty_)) return false;
  dirty_ = false;
  staged.message = shared_from_this();
  staged.waiters = std::move(waiters_);
  waiters_.clear();
  staged.file = record_.place == BodyPlace::file;
  if (ended) {
    staged.kind = Staged::Kind::ledger_only;
  } else if (stage_ == Stage::stored && (aside_ || pending_locked() == 0)) {
    staged.kind = Staged::Kind::removal;
    store.remove(id_, !staged.file);
  } else {
    staged.kind = first ? Staged::Kind::first : Staged::Kind::update;
    std::string record;
    encode_record(record_, record);
    store.put(id_, record);
    if (first && !staged.file) store.put_body(id_, chunks_);
  }
  if (first) stage_ = Stage::writing;
  const bool counted_before = std::exchange(counts_, true);
  staged.counted = share_locked();
  counts_ = counted_before;
  staged.delta = staged.counted - written_;
  return true;
}

void Message::staged_is_written(Staged& staged) {
  After after;
  {
    const std::scoped_lock lock(mutex_);
    written_ = staged.counted;
    if (staged.kind == Staged::Kind::removal) stage_ = Stage::gone;
    if (staged.kind == Staged::Kind::first) {
      stage_ = Stage::stored;
      counts_ = true;
      book_locked();
      after.done = std::move(committed_);
    }
  }
  after.run();
  for (Done& waiter : staged.waiters)
    waiter({});
}

void Message::staged_is_not_written(Staged& staged, std::error_code error, bool again) {
  if (staged.kind == Staged::Kind::first) {
    refuse(error);
  } else if (again) {
    const std::scoped_lock lock(mutex_);
    if (!std::exchange(dirty_, true)) home_.changed(shared_from_this(), false);
  }
  for (Done& waiter : staged.waiters)
    waiter(error);
}

void Message::refuse_waiters(std::error_code error) {
  std::vector<Done> waiters;
  {
    const std::scoped_lock lock(mutex_);
    waiters = std::exchange(waiters_, {});
  }
  for (Done& waiter : waiters)
    waiter(error);
}

void Message::refuse(std::error_code error) {
  After after;
  {
    const std::scoped_lock lock(mutex_);
    if (stage_ != Stage::waiting && stage_ != Stage::writing) return;
    stage_ = Stage::unstored;
    dirty_ = false;
    // Delivered to everybody while the write was failing: as safe as can be.
    after = pending_locked() == 0 ? end_unwritten_locked() : After{std::move(committed_), error};
  }
  after.run();
}

}  // namespace postern::spool
