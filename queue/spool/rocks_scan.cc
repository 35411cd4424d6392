// SPDX-License-Identifier: Apache-2.0
// Reading all records, past whatever is damaged.
#include "queue/spool/rocks_database.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace postern::spool {
namespace {

/// Walks over one space of the database as it is at one moment. A damaged block stops an iterator
/// for good, so that every step past one takes a new iterator.
class Walk {
 public:
  Walk(rocksdb::DB& db, RocksSpace space) : db_(db), space_(space) {
    options_.fill_cache = false;
    options_.readahead_size = 1ULL << 20;
    options_.snapshot = db_.GetSnapshot();
  }
  ~Walk() {
    at_.reset();
    db_.ReleaseSnapshot(options_.snapshot);
  }
  Walk(const Walk&) = delete;

  /// True: it stands on the first id from `from`, or at the end.
  bool seek(std::uint64_t from) {
    at_.reset(db_.NewIterator(options_));
    at_->Seek(RocksKey(space_, MessageId(from)));
    return at_->status().ok();
  }
  /// Goes on behind what cannot be read after the id: in growing steps, then the last one narrowed
  /// down, since a damaged block hides only what is in it. False: nothing is readable there.
  bool seek_past(MessageId last) {
    std::uint64_t bad = last.value();
    std::uint64_t step = 1;
    for (; !seek(bad + step); step *= 2) {
      bad += step;
      if (bad > ~std::uint64_t{0} - 2 * step) return false;
    }
    std::uint64_t good = bad + step;
    while (good - bad > 1) {
      const std::uint64_t middle = bad + (good - bad) / 2;
      (seek(middle) ? good : bad) = middle;
    }
    return seek(good);
  }
  /// Something of that id is there and cannot be read. False for what has come since.
  bool hides(MessageId id) const {
    std::string value;
    const rocksdb::Status status = db_.Get(options_, RocksKey(space_, id), &value);
    return !status.ok() && !status.IsNotFound();
  }
  void next() { at_->Next(); }
  /// Zero: at the end of the space, or at what cannot be read.
  MessageId id() const {
    return at_->Valid() ? id_in_key(space_, at_->key().ToStringView()) : MessageId();
  }
  std::string_view value() const { return {at_->value().data(), at_->value().size()}; }
  bool good() const { return at_->status().ok(); }

 private:
  rocksdb::DB& db_;
  RocksSpace space_;
  rocksdb::ReadOptions options_;
  std::unique_ptr<rocksdb::Iterator> at_;
};

}  // namespace

bool RocksStore::scan(MessageId after,
                      std::size_t limit,
                      const std::function<void(MessageId, std::string_view)>& visit,
                      const std::function<void(MessageId)>& unreadable) {
  const std::shared_lock lock(db_->mutex);
  if (!db_->db) return false;
  Walk records(*db_->db, RocksSpace::record);
  MessageId last = after;
  bool found = records.seek(after.value() + 1);
  for (;;) {
    for (; found && records.id() != MessageId(); records.next()) {
      if (limit-- == 0) return true;
      last = records.id();
      visit(last, records.value());
    }
    if (found && records.good()) return false;
    found = records.seek_past(last);
    const MessageId next = found ? records.id() : MessageId();
    // The bodies in the gap tell which messages were in it.
    std::vector<MessageId> hidden;
    if (db_->segments) hidden = db_->segments->between(last, next);
    Walk bodies(*db_->db, RocksSpace::body);
    for (bodies.seek(last.value() + 1); bodies.id() != MessageId(); bodies.next()) {
      if (next != MessageId() && bodies.id() >= next) break;
      hidden.push_back(bodies.id());
    }
    std::sort(hidden.begin(), hidden.end());
    for (const MessageId id : hidden) {
      if (records.hides(id)) unreadable(id);
    }
    if (next == MessageId()) return false;
  }
}

}  // namespace postern::spool
