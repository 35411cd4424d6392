// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/callback.h"
#include "queue/spool/store.h"
#include "queue/spool/worker.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

namespace postern::spool {

/// A large body on its way into a file of its own. Calls return at once; the worker thread does the
/// writing, in order. Shared by the draft and the worker's tasks; one thread calls at a time.
class DraftFile : public std::enable_shared_from_this<DraftFile> {
 public:
  /// Octets that wait to be written are in memory: told as they come and go, on either thread.
  using HoldMemory = std::function<void(std::int64_t octets)>;
  /// `files` and `worker` outlive it.
  DraftFile(BodyFiles& files, Worker& worker, MessageId id, HoldMemory hold_memory);

  void append(Chunk chunk);
  /// Octets that were given and not written yet.
  std::uint64_t unwritten() const;
  /// The first error so far; empty: none.
  std::error_code error() const;
  /// `done` when no more than `limit` octets are unwritten (or something failed): on the worker's
  /// thread, or before this returns. One at a time.
  void when_below(std::uint64_t limit, Done done);
  /// Closes, after a sync if it is to be `durable`; `finished` on the worker's thread, with the
  /// octets' CRC-32C.
  using Finished = Callback<void(std::error_code, std::uint32_t)>;
  void finish(bool durable, Finished finished);
  /// Closes and removes the file; nothing else after it.
  void abandon();

 private:
  void write(const Chunk& chunk);
  void settle(std::uint64_t octets, std::error_code error);

  BodyFiles& files_;
  Worker& worker_;
  const MessageId id_;
  const HoldMemory hold_memory_;

  // The worker's alone.
  std::unique_ptr<BodyFiles::Sink> sink_;
  std::uint32_t crc_ = 0;

  mutable std::mutex mutex_;
  std::uint64_t unwritten_ = 0;
  std::error_code error_;
  std::uint64_t limit_ = 0;
  Done below_;
};

}  // namespace postern::spool
