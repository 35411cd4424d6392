// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/memory_store.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace postern::queue {

/// A disk that is full until it is not. Any thread.
struct FullDisk {
  std::atomic<bool> full{true};
  std::atomic<bool> stands{false};      ///< writes wait until it does not
  std::atomic<bool> writes{false};      ///< one has begun
  std::atomic<std::size_t> refused{0};  ///< how often it was asked for room again, in vain
};

/// A store on such a disk.
class FullStore final : public spool::Store {
 public:
  explicit FullStore(std::shared_ptr<FullDisk> disk) : disk_(std::move(disk)) {}

  void put(spool::MessageId id, std::string_view record) override { map_.put(id, record); }
  void put_body(spool::MessageId id, std::span<const spool::Chunk> chunks) override {
    map_.put_body(id, chunks);
  }
  void remove(spool::MessageId id, bool with_body) override { map_.remove(id, with_body); }
  void put_ledger(std::string_view record) override { map_.put_ledger(record); }
  spool::WriteOutcome write(bool durable) override {
    disk_->writes = true;
    disk_->stands.wait(true);
    if (!disk_->full) return map_.write(durable);
    map_.drop_group();
    return spool::WriteOutcome::no_room;
  }
  spool::WriteOutcome resume() override {
    if (!disk_->full) return spool::WriteOutcome::ok;
    ++disk_->refused;
    return spool::WriteOutcome::no_room;
  }
  const std::string& trouble() const override { return map_.trouble(); }
  Result<std::string> record(spool::MessageId id) override { return map_.record(id); }
  Result<std::string> body(spool::MessageId id) override { return map_.body(id); }
  Result<std::string> ledger() override { return map_.ledger(); }
  spool::MessageId last_id() override { return map_.last_id(); }
  bool scan(spool::MessageId after,
            std::size_t limit,
            const std::function<void(spool::MessageId, std::string_view)>& visit,
            const std::function<void(spool::MessageId)>& unreadable) override {
    return map_.scan(after, limit, visit, unreadable);
  }
  void reclaim(std::uint64_t, bool) override {}
  void interrupt() override {}
  std::uint64_t octets_written() const override { return map_.octets_written(); }

 private:
  const std::shared_ptr<FullDisk> disk_;
  spool::MemoryStore map_;
};

}  // namespace postern::queue
