// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "queue/spool/arrival.h"
#include "queue/spool/draft_file.h"

#include <functional>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

namespace postern::spool {

/// A message that is being received: its octets so far. Up to a limit they are references in
/// memory; above it they go into a file, which never blocks the caller. Destroying a draft that was
/// not committed leaves nothing behind. One owner, one thread; goes before the spool does.
class Draft {
 public:
  struct Setup {
    MessageId id;
    std::uint64_t spill_octets = 0;   ///< more than this goes into a file
    std::uint64_t window_octets = 0;  ///< unwritten octets at which append() waits for the disk
    std::function<std::shared_ptr<DraftFile>(MessageId)> make_file;  ///< empty: memory only
    std::function<void(std::int64_t)> hold_memory;
    Arrival arrival;  ///< until it is committed, or too large for a group to wait for it
  };
  explicit Draft(Setup setup) : setup_(std::move(setup)) {}
  ~Draft();
  Draft(Draft&& other) noexcept = default;
  Draft& operator=(Draft&&) = delete;

  MessageId id() const { return setup_.id; }
  std::uint64_t octets() const { return octets_; }

  /// Takes the next octets; waits while the disk is behind. An error is final for this draft:
  /// Errc::no_space, Errc::store_failed.
  net::Awaitable<std::error_code> append(Chunk chunk);
  net::Awaitable<std::error_code> append(std::string_view copied);

 private:
  friend class Spool;
  /// Nothing is left to the draft: it has been committed.
  std::shared_ptr<DraftFile> take_file() { return std::exchange(file_, nullptr); }
  std::vector<Chunk> take_chunks();
  void keep(Chunk chunk);
  void spill(Chunk chunk);

  Setup setup_;
  std::vector<Chunk> chunks_;
  std::shared_ptr<DraftFile> file_;
  std::uint64_t octets_ = 0;
};

}  // namespace postern::spool
