// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/memory_store.h"
#include "queue/spool/spool.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::spool::test {

/// A directory that goes with the test.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  std::string path(std::string_view name = {}) const;

 private:
  std::filesystem::path path_;
};

/// Runs one coroutine to its end on an io_context of its own.
template <class T>
T run(net::Awaitable<T> task) {
  net::IoContext io;
  std::optional<T> result;
  net::asio::co_spawn(io, std::move(task), [&result](std::exception_ptr error, T value) {
    if (!error) result.emplace(std::move(value));
  });
  io.run();
  return std::move(*result);
}

/// From someone to `recipients` mailboxes, all pending, in the lane "v".
Envelope envelope_for(std::size_t recipients = 1);
/// Everything an envelope can hold, none of it at its default.
Envelope full_envelope();

/// Options that fit a test: small limits, endless room.
Options options_in(const std::string& data_dir = {});

/// A committed message: the handle, and how its commit ended.
struct Committed {
  MessagePtr message;
  std::future<std::error_code> done;
};
/// Appends `body` (in pieces of at most `piece` octets) and commits it; waits for nothing but
/// appends.
Committed commit(Spool& spool,
                 std::string_view body,
                 Envelope envelope = envelope_for(),
                 std::chrono::microseconds grace = {},
                 std::size_t piece = 64U << 10);
/// Commits and waits until it is durable; the id.
MessageId store(Spool& spool, std::string_view body, Envelope envelope = envelope_for());
Result<MessagePtr> load(Spool& spool, MessageId id);
/// The whole body, or why there is none.
Result<std::string> body_of(Spool& spool, const MessagePtr& message);
Result<std::string> body_of(Spool& spool, MessageId id);
void settle_all(const MessagePtr& message, Fate fate = Fate::delivered);
std::vector<MessageId> ids_of(Spool& spool, Spool::Which which = Spool::Which::all);
/// Octets that differ from id to id and in every block.
std::string patterned(std::size_t octets, std::uint64_t seed);
/// Writes pending changes: what nobody waits for is on its way when a later commit is durable.
void flush(Spool& spool);

/// A map whose writes can be held back and told how to end.
class GatedStore final : public Store {
 public:
  explicit GatedStore(std::shared_ptr<MemoryStore> map) : map_(std::move(map)) {}

  void close_gate();
  void open_gate();
  /// Until a write stands before the closed gate.
  void await_write();
  /// How the next writes end, in order; after them: ok.
  void script(std::vector<WriteOutcome> outcomes);
  /// How resume() ends from now on.
  void script_resume(WriteOutcome outcome);
  void hold_reclaims(bool yes);
  void await_reclaims(std::size_t begun);
  std::size_t writes() const;
  std::size_t syncs() const;

  void put(MessageId id, std::string_view record) override { map_->put(id, record); }
  void put_body(MessageId id, std::span<const Chunk> chunks) override {
    map_->put_body(id, chunks);
  }
  void remove(MessageId id, bool with_body) override { map_->remove(id, with_body); }
  void put_ledger(std::string_view record) override { map_->put_ledger(record); }
  WriteOutcome write(bool durable) override;
  WriteOutcome resume() override;
  const std::string& trouble() const override { return trouble_; }
  Result<std::string> record(MessageId id) override { return map_->record(id); }
  Result<std::string> body(MessageId id) override { return map_->body(id); }
  Result<std::string> ledger() override { return map_->ledger(); }
  MessageId last_id() override { return map_->last_id(); }
  bool scan(MessageId after,
            std::size_t limit,
            const std::function<void(MessageId, std::string_view)>& visit,
            const std::function<void(MessageId)>& unreadable) override {
    return map_->scan(after, limit, visit, unreadable);
  }
  /// Stands while held back.
  void reclaim(std::uint64_t, bool) override;
  void interrupt() override {}
  std::uint64_t octets_written() const override { return map_->octets_written(); }

 private:
  std::shared_ptr<MemoryStore> map_;
  std::string trouble_ = "scripted";
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  WriteOutcome resumed_ = WriteOutcome::ok;
  bool standing_ = false;
  bool reclaims_held_ = false;
  std::size_t reclaims_ = 0;
  std::size_t writes_ = 0;
  std::size_t syncs_ = 0;
  std::vector<WriteOutcome> script_;
};

}  // namespace postern::spool::test
