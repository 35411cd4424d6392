// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/rocks_store.h"

#include "queue/spool/errors.h"
#include "queue/spool/rocks_database.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace postern::spool {
namespace {

const rocksdb::Slice kLedgerKey("L");
// What an idle spool may leave in the log: short enough for a quick start, long enough not to flush
// for every few messages.
constexpr std::uint64_t kIdleLog = 8ULL << 20;
// So much of a body is tried, from its middle: what is in front is a header.
constexpr std::size_t kSample = 4096;
// What shrinks to an eighth costs less in the database than as it is in a segment.
constexpr std::size_t kPacksWell = 8;

std::error_code error_of(const rocksdb::Status& status) {
  if (status.IsNotFound()) return make_error_code(Errc::not_found);
  return make_error_code(status.IsCorruption() ? Errc::damaged : Errc::read_failed);
}

}  // namespace

Result<std::string> RocksStore::Database::get(const rocksdb::Slice& key) const {
  const std::shared_lock lock(mutex);
  if (!db) return make_error_code(Errc::read_failed);
  std::string value;
  const rocksdb::Status status = db->Get(rocksdb::ReadOptions(), key, &value);
  if (!status.ok()) return error_of(status);
  return value;
}

Result<std::unique_ptr<RocksStore>, std::string> RocksStore::open(const RocksOptions& options) {
  auto database = std::make_unique<Database>();
  database->options = options;
  const rocksdb::Status status = database->open();
  if (!status.ok()) return fmt::format("{}: {}", options.path, status.ToString());
  if (!options.segments.empty()) {
    const std::string error = database->open_segments();
    if (!error.empty()) return fmt::format("{}: {}", options.segments, error);
  }
  if (database->watch->has_failed()) return database->watch->failure();
  return std::unique_ptr<RocksStore>(new RocksStore(std::move(database)));
}

RocksStore::RocksStore(std::unique_ptr<Database> database) : db_(std::move(database)) {}

RocksStore::~RocksStore() = default;

// ---- the group ----

bool RocksStore::Database::packs_well(std::span<const Chunk> chunks, std::uint64_t middle) {
  std::uint64_t begin = 0;
  for (const Chunk& chunk : chunks) {
    const std::string_view octets = *chunk;
    if (begin + octets.size() <= middle) {
      begin += octets.size();
      continue;
    }
    // All of the sample, also where the chunk ends soon.
    const std::size_t most = octets.size() - std::min(octets.size(), kSample);
    const std::size_t from = std::min(most, static_cast<std::size_t>(middle - begin));
    const std::string_view sample = octets.substr(from, kSample);
    return packer.pack({&sample, 1}).size() * kPacksWell <= sample.size();
  }
  return false;
}

void RocksStore::put(MessageId id, std::string_view record) {
  const RocksKey key(RocksSpace::record, id);
  db_->batch.Put(key, rocksdb::Slice(record.data(), record.size())).PermitUncheckedError();
}

void RocksStore::put_body(MessageId id, std::span<const Chunk> chunks) {
  std::uint64_t octets = 0;
  for (const Chunk& chunk : chunks)
    octets += chunk->size();
  const bool is_large = db_->segments && octets >= db_->options.segment_body_octets;
  const bool repeats = is_large && db_->packs_well(chunks, octets / 2);
  if (is_large && !repeats) {
    db_->segments->stage(id, chunks);
    return;
  }
  std::vector<std::string_view> parts;
  parts.reserve(chunks.size());
  for (const Chunk& chunk : chunks)
    parts.emplace_back(*chunk);
  const std::string_view packed =
      db_->packer.pack(parts, repeats ? Packer::Kind::repeats : Packer::Kind::any);
  db_->batch.Put(RocksKey(RocksSpace::body, id), rocksdb::Slice(packed.data(), packed.size()))
      .PermitUncheckedError();
}

void RocksStore::remove(MessageId id, bool with_body) {
  db_->batch.Delete(RocksKey(RocksSpace::record, id)).PermitUncheckedError();
  if (!with_body) return;
  // Written once, so both vanish where they meet, at the latest when the memtable is flushed.
  if (db_->segments && db_->segments->holds(id)) {
    db_->batch.SingleDelete(RocksKey(RocksSpace::segment_place, id)).PermitUncheckedError();
    db_->leaving.push_back(id);
    return;
  }
  db_->batch.SingleDelete(RocksKey(RocksSpace::body, id)).PermitUncheckedError();
}

void RocksStore::put_ledger(std::string_view record) {
  db_->batch.Put(kLedgerKey, rocksdb::Slice(record.data(), record.size())).PermitUncheckedError();
}

/// Whatever thread's sync it was, and whatever error it gave: one that failed is final.
WriteOutcome RocksStore::Database::outcome_of(const rocksdb::Status& status) {
  if (watch->has_failed()) {
    trouble = watch->failure();
    return WriteOutcome::failed;
  }
  if (status.ok()) return WriteOutcome::ok;
  trouble = status.ToString();
  return status.IsNoSpace() ? WriteOutcome::no_room : WriteOutcome::failed;
}

WriteOutcome RocksStore::write(bool durable) {
  WriteOutcome outcome = db_->outcome_of({});
  // The committer alone closes and opens it, and is here: no lock.
  if (outcome == WriteOutcome::ok) outcome = db_->write_group(durable);
  db_->batch.Clear();
  db_->leaving.clear();
  if (db_->segments) db_->segments->drop_staged();
  return outcome;
}

WriteOutcome RocksStore::resume() {
  // Not DB::Resume(): with nothing in the memtables it keeps the log whose writer has failed (7.8).
  // All that was acknowledged was synced before, and is replayed; the torn record at the end is
  // not. Damage in the logs is left to the next start: README.md, "Damage in the log".
  // A segment that found no room leaves the database as it is.
  if (db_->watch->has_failed() || !db_->must_reopen) return db_->outcome_of({});
  const std::unique_lock lock(db_->mutex);
  db_->close();
  const WriteOutcome outcome = db_->outcome_of(db_->open());
  db_->must_reopen = outcome != WriteOutcome::ok;
  return outcome;
}

const std::string& RocksStore::trouble() const {
  return db_->trouble;
}

std::uint64_t RocksStore::octets_written() const {
  return db_->written.load(std::memory_order_relaxed) + db_->framed.load(std::memory_order_relaxed);
}

bool RocksStore::wants_sync() const {
  return db_->segments && (db_->segments->has_removals() || db_->segments->is_full());
}

const SegmentFindings& RocksStore::findings() const {
  return db_->findings;
}

RocksStore::LostBody RocksStore::lost_bodies(const std::set<std::uint64_t>& ids) const {
  if (!db_->segments) return [](MessageId) { return make_error_code(Errc::not_found); };
  return [watch = db_->watch, directory = db_->options.segments, places = db_->segments->find(ids)](
             MessageId id) -> Result<std::string> {
    const auto found = places.find(id.value());
    if (found == places.end()) return make_error_code(Errc::not_found);
    return read_segment_body(*watch, directory, found->second);
  };
}

// ---- reading ----

Result<std::string> RocksStore::record(MessageId id) {
  return db_->get(RocksKey(RocksSpace::record, id));
}

Result<std::string> RocksStore::body(MessageId id) {
  if (db_->segments) {
    auto body = db_->segments->read(id);
    if (body || body.error() != make_error_code(Errc::not_found)) return body;
  }
  const Result<std::string> packed = db_->get(RocksKey(RocksSpace::body, id));
  if (!packed) return packed.error();
  return unpack(*packed);
}

Result<std::string> RocksStore::damaged_body(MessageId id) {
  if (!db_->segments) return make_error_code(Errc::not_found);
  return db_->segments->read_unchecked(id);
}

Result<std::string> RocksStore::ledger() {
  return db_->get(kLedgerKey);
}

MessageId RocksStore::last_id() {
  const std::shared_lock lock(db_->mutex);
  if (!db_->db) return {};
  const std::unique_ptr<rocksdb::Iterator> at(db_->db->NewIterator(rocksdb::ReadOptions()));
  at->SeekToLast();
  return at->Valid() ? id_in_key(RocksSpace::record, at->key().ToStringView()) : MessageId();
}

// ---- space ----

void RocksStore::interrupt() {
  if (db_->segments) db_->segments->interrupt();
  const std::shared_lock lock(db_->mutex);
  if (db_->db) db_->db->DisableManualCompaction();
}

void RocksStore::reclaim(std::uint64_t queued_octets, bool idle) {
  const std::uint64_t slack = db_->options.slack_octets;
  if (db_->segments) {
    db_->segments->reclaim(slack);
    // The database has none of these.
    queued_octets -= std::min(queued_octets, db_->segments->usage().live);
  }
  const std::shared_lock lock(db_->mutex);
  if (!db_->db) return;
  if (db_->file_octets() > 2 * queued_octets + slack) db_->compact();
  const std::uint64_t written = db_->written;
  if (!idle || written - db_->flushed_at < kIdleLog) return;
  rocksdb::FlushOptions flush;
  flush.wait = true;
  if (db_->db->Flush(flush).ok()) db_->flushed_at = written;
}

}  // namespace postern::spool
