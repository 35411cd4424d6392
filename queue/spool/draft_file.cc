// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/draft_file.h"

#include "base/crc32c.h"
#include "queue/spool/errors.h"

#include <utility>

namespace postern::spool {

DraftFile::DraftFile(BodyFiles& files, Worker& worker, MessageId id, HoldMemory hold_memory)
    : files_(files), worker_(worker), id_(id), hold_memory_(std::move(hold_memory)) {}

void DraftFile::append(Chunk chunk) {
  hold_memory_(static_cast<std::int64_t>(chunk->size()));
  {
    const std::scoped_lock lock(mutex_);
    unwritten_ += chunk->size();
  }
  worker_.post([self = shared_from_this(), chunk = std::move(chunk)] { self->write(chunk); });
}

std::uint64_t DraftFile::unwritten() const {
  const std::scoped_lock lock(mutex_);
  return unwritten_;
}

std::error_code DraftFile::error() const {
  const std::scoped_lock lock(mutex_);
  return error_;
}

void DraftFile::when_below(std::uint64_t limit, Done done) {
  std::error_code error;
  {
    const std::scoped_lock lock(mutex_);
    if (unwritten_ > limit && !error_) {
      limit_ = limit;
      below_ = std::move(done);
      return;
    }
    error = error_;
  }
  done(error);
}

void DraftFile::write(const Chunk& chunk) {
  std::error_code error = this->error();
  if (!error && !sink_) {
    auto created = files_.create(id_);
    if (created) {
      sink_ = *std::move(created);
    } else {
      error = created.error();
    }
  }
  if (!error) error = sink_->append(*chunk);
  if (!error) crc_ = crc32c(*chunk, crc_);
  settle(chunk->size(), error);
}

void DraftFile::settle(std::uint64_t octets, std::error_code error) {
  Done reached;
  hold_memory_(-static_cast<std::int64_t>(octets));
  {
    const std::scoped_lock lock(mutex_);
    unwritten_ -= octets;
    if (!error_) error_ = error;
    if (below_ && (error_ || unwritten_ <= limit_)) reached = std::move(below_);
    error = error_;
  }
  if (reached) reached(error);
}

void DraftFile::finish(bool durable, Finished finished) {
  worker_.post([self = shared_from_this(), durable, finished = std::move(finished)]() mutable {
    std::error_code error = self->error();
    if (!error && durable) error = self->sink_->sync();
    self->sink_.reset();
    finished(error, self->crc_);
  });
}

void DraftFile::abandon() {
  worker_.post([self = shared_from_this()] {
    self->sink_.reset();
    self->files_.remove(self->id_);
  });
}

}  // namespace postern::spool
