// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/message.h"

#include "queue/spool/errors.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace postern::spool {

Message::Message(
    MessageHome& home, MessageId id, Record record, Stage stage, std::vector<Chunk> chunks)
    : home_(home),
      id_(id),
      record_(std::move(record)),
      stage_(stage),
      chunks_(std::move(chunks)),
      leased_(record_.envelope.recipients.size(), false),
      has_body_(record_.place == BodyPlace::database) {
  for (const Recipient& r : record_.envelope.recipients)
    ++fates_[static_cast<std::size_t>(r.fate)];
  for (const Chunk& chunk : chunks_)
    memory_ += static_cast<std::int64_t>(chunk->size());
  home_.hold_memory(memory_);
}

Message::~Message() {
  drop_chunks_locked();
  if (record_.place == BodyPlace::file && stage_ == Stage::unstored) home_.remove_file(id_);
  home_.forget(id_);
}

// ---- what is asked ----

Recipient Message::recipient(std::size_t index) const {
  const std::scoped_lock lock(mutex_);
  return record_.envelope.recipients.at(index);
}

Envelope Message::envelope() const {
  const std::scoped_lock lock(mutex_);
  return record_.envelope;
}

Record Message::record() const {
  const std::scoped_lock lock(mutex_);
  return record_;
}

std::vector<Chunk> Message::chunks() const {
  const std::scoped_lock lock(mutex_);
  return chunks_;
}

Message::Progress Message::progress() const {
  const std::scoped_lock lock(mutex_);
  return {fates_[static_cast<std::size_t>(Fate::delivered)],
          static_cast<std::size_t>(std::count(leased_.begin(), leased_.end(), true))};
}

bool Message::is_settled() const {
  const std::scoped_lock lock(mutex_);
  return pending_locked() == 0;
}

// ---- leases ----

Result<Lease> Message::lease_locked(std::vector<std::uint32_t> indices) {
  if (aside_) return make_error_code(Errc::damaged);
  // Withdrawn: its client was told to come again.
  if (stage_ == Stage::gone) return make_error_code(Errc::settled);
  if (record_.envelope.held) return make_error_code(Errc::held);
  for (const std::uint32_t index : indices) {
    if (index >= leased_.size()) return make_error_code(Errc::bad_recipient);
    if (leased_[index]) return make_error_code(Errc::leased);
    if (record_.envelope.recipients[index].fate != Fate::pending) {
      return make_error_code(Errc::settled);
    }
  }
  for (const std::uint32_t index : indices)
    leased_[index] = true;
  return Lease(shared_from_this(), std::move(indices));
}

Result<Lease> Message::lease(std::span<const std::uint32_t> indices) {
  std::vector<std::uint32_t> wanted(indices.begin(), indices.end());
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  const std::scoped_lock lock(mutex_);
  return lease_locked(std::move(wanted));
}

Result<Lease> Message::lease_pending() {
  const std::scoped_lock lock(mutex_);
  std::vector<std::uint32_t> wanted;
  for (std::uint32_t i = 0; i < leased_.size(); ++i) {
    if (!leased_[i] && record_.envelope.recipients[i].fate == Fate::pending) wanted.push_back(i);
  }
  if (wanted.empty()) return make_error_code(pending_locked() == 0 ? Errc::settled : Errc::leased);
  return lease_locked(std::move(wanted));
}

void Message::note(Recipient& recipient, Attempt attempt) {
  if (!attempt.counted) return;
  ++recipient.attempts;
  recipient.last_reply = std::move(attempt.reply);
  recipient.last_host = std::move(attempt.host);
}

/// The try that was just noted, for `postern queue show`.
void Message::remember(Recipient& recipient) {
  PastTry one{wall_now(), recipient.last_host, recipient.last_reply.line()};
  if (one.said.size() > kPastReplyOctets) one.said.resize(kPastReplyOctets);
  std::vector<PastTry>& past = recipient.past;
  if (past.size() >= kPastTries) past.erase(past.begin());
  past.push_back(std::move(one));
}

void Message::settle(std::uint32_t index, Fate fate, Attempt attempt) {
  After after;
  {
    const std::scoped_lock lock(mutex_);
    leased_[index] = false;
    if (aside_ || fate == Fate::pending) return;
    Recipient& recipient = record_.envelope.recipients[index];
    note(recipient, std::move(attempt));
    recipient.fate = fate;
    --fates_[static_cast<std::size_t>(Fate::pending)];
    ++fates_[static_cast<std::size_t>(fate)];
    after = changed_locked(false);
  }
  after.run();
}

void Message::reschedule(std::uint32_t index, WallTime due, std::string lane, Attempt attempt) {
  const std::scoped_lock lock(mutex_);
  leased_[index] = false;
  if (aside_) return;
  Recipient& recipient = record_.envelope.recipients[index];
  const bool counted = attempt.counted;
  note(recipient, std::move(attempt));
  if (counted) remember(recipient);
  recipient.due = due;
  recipient.lane = std::move(lane);
  changed_locked(false);
}

void Message::mark_warned(std::uint32_t index) {
  const std::scoped_lock lock(mutex_);
  record_.envelope.recipients[index].warned = true;
  changed_locked(false);
}

void Message::release(std::uint32_t index) {
  const std::scoped_lock lock(mutex_);
  leased_[index] = false;
}

// ---- changes ----

/// Brings the ledger and the store up to what the message has become.
Message::After Message::changed_locked(bool soon) {
  switch (stage_) {
    case Stage::waiting:
    case Stage::unstored:
      if (pending_locked() == 0) return end_unwritten_locked();
      return {};  // its first write, if there is one, takes all of it
    case Stage::writing:
    case Stage::stored:
      book_locked();
      if (!std::exchange(dirty_, true) || soon) home_.changed(shared_from_this(), soon);
      return {};
    case Stage::gone:
      return {};
  }
  return {};
}

/// Every recipient has its fate before anything was written: nothing ever is, but the ledger.
Message::After Message::end_unwritten_locked() {
  stage_ = Stage::gone;
  counts_ = true;
  book_locked();
  if (record_.place == BodyPlace::file) home_.remove_file(id_);
  home_.never_written();
  drop_chunks_locked();
  if (!std::exchange(dirty_, true)) home_.changed(shared_from_this(), false);
  return {std::move(committed_), {}};
}

bool Message::withdraw() {
  After after;
  {
    const std::scoped_lock lock(mutex_);
    if (stage_ != Stage::waiting && stage_ != Stage::unstored) return false;
    stage_ = Stage::gone;
    drop_chunks_locked();
    if (record_.place == BodyPlace::file) home_.remove_file(id_);
    after = {std::move(committed_), make_error_code(Errc::cancelled)};
  }
  after.run();
  return true;
}

void Message::set_held(bool held, Done done) {
  {
    const std::scoped_lock lock(mutex_);
    if (record_.envelope.held != held && (stage_ == Stage::stored || stage_ == Stage::writing)) {
      record_.envelope.held = held;
      waiters_.push_back(std::move(done));
      changed_locked(true);
      return;
    }
    record_.envelope.held = held;
  }
  done({});
}

void Message::set_config(std::uint64_t config) {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(record_.envelope.config, config) != config) changed_locked(false);
}

void Message::forget_body() {
  const std::scoped_lock lock(mutex_);
  if (stage_ == Stage::stored) drop_chunks_locked();
}

void Message::drop_chunks_locked() {
  home_.hold_memory(-std::exchange(memory_, 0));
  chunks_.clear();
}

bool Message::set_aside() {
  const std::scoped_lock lock(mutex_);
  if (aside_ || stage_ != Stage::stored) return false;
  aside_ = true;
  changed_locked(false);
  return true;
}

// ---- the ledger ----

Ledger Message::share_locked() const {
  Ledger share;
  if (!counts_) return share;
  const auto of = [this](Fate fate) {
    return static_cast<std::int64_t>(fates_[static_cast<std::size_t>(fate)]);
  };
  share.accepted = static_cast<std::int64_t>(leased_.size());
  share.delivered = of(Fate::delivered);
  share.failed = of(Fate::failed);
  share.discarded = of(Fate::discarded);
  (aside_ ? share.damaged : share.queued) = of(Fate::pending);
  if (share.queued > 0) {
    share.messages = 1;
    share.octets = static_cast<std::int64_t>(record_.envelope.octets);
  }
  return share;
}

void Message::book_locked() {
  const Ledger share = share_locked();
  home_.book(share - counted_);
  counted_ = share;
}

void Message::count_as_stored() {
  const std::scoped_lock lock(mutex_);
  counts_ = true;
  counted_ = written_ = share_locked();
}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    message_ = std::move(other.message_);
    indices_ = std::move(other.indices_);
  }
  return *this;
}

bool Lease::take(std::uint32_t index) {
  return std::erase(indices_, index) != 0;
}

void Lease::settle(std::uint32_t index, Fate fate, Attempt attempt) {
  if (take(index)) message_->settle(index, fate, std::move(attempt));
}

void Lease::reschedule(std::uint32_t index, WallTime due, std::string lane, Attempt attempt) {
  if (take(index)) message_->reschedule(index, due, std::move(lane), std::move(attempt));
}

void Lease::mark_warned(std::uint32_t index) {
  if (std::find(indices_.begin(), indices_.end(), index) != indices_.end()) {
    message_->mark_warned(index);
  }
}

void Lease::release() {
  for (const std::uint32_t index : indices_)
    message_->release(index);
  indices_.clear();
  message_.reset();
}

}  // namespace postern::spool
