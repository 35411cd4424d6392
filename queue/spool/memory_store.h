// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/store.h"

#include <map>
#include <mutex>

namespace postern::spool {

/// The store's contract on a map, and nothing on disk: for tests of what uses a spool. Survives
/// only as long as it lives.
class MemoryStore final : public Store {
 public:
  void put(MessageId id, std::string_view record) override;
  void put_body(MessageId id, std::span<const Chunk> chunks) override;
  void remove(MessageId id, bool with_body) override;
  void put_ledger(std::string_view record) override;
  WriteOutcome write(bool durable) override;
  /// Forgets the group that was not written: what a store does whose write fails.
  void drop_group() { group_.clear(); }
  WriteOutcome resume() override { return WriteOutcome::ok; }
  const std::string& trouble() const override { return trouble_; }

  Result<std::string> record(MessageId id) override;
  Result<std::string> body(MessageId id) override;
  Result<std::string> ledger() override;
  MessageId last_id() override;
  bool scan(MessageId after,
            std::size_t limit,
            const std::function<void(MessageId, std::string_view)>& visit,
            const std::function<void(MessageId)>& unreadable) override;
  void reclaim(std::uint64_t, bool) override {}
  void interrupt() override {}
  std::uint64_t octets_written() const override;

 private:
  using Values = std::map<MessageId, std::string>;
  Result<std::string> find(const Values& values, MessageId id);

  struct Change {
    enum class Kind : std::uint8_t { put, put_body, remove, remove_both, ledger } kind;
    MessageId id;
    std::string value;
  };
  void apply(Change& change);

  std::vector<Change> group_;  ///< the committer's
  std::string trouble_;
  mutable std::mutex mutex_;
  Values records_;
  Values bodies_;
  std::string ledger_;
  std::uint64_t written_ = 0;
};

}  // namespace postern::spool
