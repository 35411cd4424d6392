// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/memory_store.h"

#include "queue/spool/errors.h"

namespace postern::spool {

void MemoryStore::put(MessageId id, std::string_view record) {
  group_.push_back({Change::Kind::put, id, std::string(record)});
}

void MemoryStore::put_body(MessageId id, std::span<const Chunk> chunks) {
  std::string whole;
  for (const Chunk& chunk : chunks)
    whole += *chunk;
  group_.push_back({Change::Kind::put_body, id, std::move(whole)});
}

void MemoryStore::remove(MessageId id, bool with_body) {
  group_.push_back({with_body ? Change::Kind::remove_both : Change::Kind::remove, id, {}});
}

void MemoryStore::put_ledger(std::string_view record) {
  group_.push_back({Change::Kind::ledger, {}, std::string(record)});
}

void MemoryStore::apply(Change& change) {
  written_ += change.value.size();
  switch (change.kind) {
    case Change::Kind::put:
      records_[change.id] = std::move(change.value);
      return;
    case Change::Kind::put_body:
      bodies_[change.id] = std::move(change.value);
      return;
    case Change::Kind::remove_both:
      bodies_.erase(change.id);
      records_.erase(change.id);
      return;
    case Change::Kind::remove:
      records_.erase(change.id);
      return;
    case Change::Kind::ledger:
      ledger_ = std::move(change.value);
      return;
  }
}

WriteOutcome MemoryStore::write(bool) {
  const std::scoped_lock lock(mutex_);
  for (Change& change : group_)
    apply(change);
  group_.clear();
  return WriteOutcome::ok;
}

Result<std::string> MemoryStore::find(const Values& values, MessageId id) {
  const std::scoped_lock lock(mutex_);
  const auto found = values.find(id);
  if (found == values.end()) return make_error_code(Errc::not_found);
  return found->second;
}

Result<std::string> MemoryStore::record(MessageId id) {
  return find(records_, id);
}

Result<std::string> MemoryStore::body(MessageId id) {
  return find(bodies_, id);
}

Result<std::string> MemoryStore::ledger() {
  const std::scoped_lock lock(mutex_);
  if (ledger_.empty()) return make_error_code(Errc::not_found);
  return ledger_;
}

MessageId MemoryStore::last_id() {
  const std::scoped_lock lock(mutex_);
  return records_.empty() ? MessageId() : records_.rbegin()->first;
}

bool MemoryStore::scan(MessageId after,
                       std::size_t limit,
                       const std::function<void(MessageId, std::string_view)>& visit,
                       const std::function<void(MessageId)>&) {
  Values records;
  {
    const std::scoped_lock lock(mutex_);
    records = records_;
  }
  for (auto at = records.upper_bound(after); at != records.end(); ++at) {
    if (limit-- == 0) return true;
    visit(at->first, at->second);
  }
  return false;
}

std::uint64_t MemoryStore::octets_written() const {
  const std::scoped_lock lock(mutex_);
  return written_;
}

}  // namespace postern::spool
