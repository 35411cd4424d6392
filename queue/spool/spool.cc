// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/spool.h"

#include "queue/spool/awaiting.h"
#include "queue/spool/log_mending.h"
#include "queue/spool/memory_store.h"
#include "queue/spool/rocks_files.h"
#include "queue/spool/rocks_store.h"
#include "queue/spool/spool_core.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace postern::spool {

namespace {

/// Those that are not lost: their record is in a table, or a later group wrote it again. What
/// frames have removed is neither lost nor there.
std::vector<LostLetter> take_known(RocksStore& store, std::vector<LostLetter>& letters) {
  std::erase_if(letters, [&store](const LostLetter& letter) {
    return store.findings().removed.contains(letter.id.value());
  });
  const auto lost = [&store](const LostLetter& letter) {
    const auto record = store.record(letter.id);
    return !record && record.error() == make_error_code(Errc::not_found);
  };
  const auto known = std::stable_partition(letters.begin(), letters.end(), lost);
  std::vector<LostLetter> out(std::make_move_iterator(known),
                              std::make_move_iterator(letters.end()));
  letters.erase(known, letters.end());
  return out;
}

/// What the segments have lost is told, saved and counted with what the log has.
void take_findings(const RocksStore& store, LogMending& mending) {
  const SegmentFindings& found = store.findings();
  if (found.lines.empty()) return;
  mending.is_incomplete = true;
  mending.lines.insert(mending.lines.end(), found.lines.begin(), found.lines.end());
  std::vector<LostLetter>& letters = mending.letters;
  for (const LostLetter& letter : found.letters) {
    const auto at = std::ranges::lower_bound(letters, letter.id, {}, &LostLetter::id);
    if (at == letters.end() || at->id != letter.id) {
      letters.insert(at, letter);
    } else if (at->body.empty()) {
      at->body = letter.body;  // of the record the log has more
    }
  }
}

}  // namespace

Result<std::unique_ptr<Spool>, OpenError> Spool::open(Options options) {
  auto dir = DataDir::open(options.data_dir);
  if (!dir) return dir.error();
  RocksOptions rocks;
  rocks.path = dir->database();
  rocks.memtable_octets = options.memtable_octets;
  rocks.slack_octets = options.slack_octets;
  rocks.segment_body_octets = options.segment_body_octets;
  rocks.segment_octets = options.segment_octets;
  rocks.segments = dir->segments();
  rocks.damaged = dir->damaged();
  auto mending = mend_logs(dir->database(), dir->damaged());
  if (!mending) return OpenError{make_error_code(Errc::bad_data_dir), mending.error()};
  rocks.log_is_mended = mending->has_replaced;
  auto store = RocksStore::open(rocks);
  if (!store) return OpenError{make_error_code(Errc::bad_data_dir), store.error()};
  auto files = open_body_files(dir->bodies(), dir->damaged(), nullptr);
  // Before their bodies are taken for those of drafts.
  take_findings(**store, *mending);
  const std::vector<LostLetter> known = take_known(**store, mending->letters);
  std::set<std::uint64_t> without_body;
  for (const LostLetter& letter : mending->letters) {
    files->set_aside(letter.id);
    if (letter.body.empty()) without_body.insert(letter.id.value());
  }
  mending->find_body = (*store)->lost_bodies(without_body);
  auto spool =
      std::make_unique<Spool>(*std::move(store),
                              std::move(files),
                              std::move(options),
                              mending->is_incomplete ? Orphans::set_aside : Orphans::removed);
  spool->core_->dir.emplace(*std::move(dir));
  spool->core_->tell_of(*mending);
  spool->core_->keep_bodies(known);
  if (mending->has_replaced) spool->core_->end_mending(*mending);
  return spool;
}

std::unique_ptr<Spool> Spool::in_memory(Options options) {
  return std::make_unique<Spool>(std::make_unique<MemoryStore>(), nullptr, std::move(options));
}

Spool::Spool(std::unique_ptr<Store> store,
             std::unique_ptr<BodyFiles> files,
             Options options,
             Orphans orphans)
    : core_(std::make_unique<Core>(std::move(store), std::move(files), std::move(options))) {
  core_->clear_orphans(orphans);
}

Spool::~Spool() {
  close();
}

void Spool::close() {
  core_->close();
}

// ---- append ----

Result<Draft> Spool::begin() {
  Core& core = *core_;
  if (const std::error_code error = core.admits()) return error;
  Draft::Setup setup;
  setup.id = core.ids.next();
  setup.spill_octets = core.options.spill_octets;
  setup.window_octets = core.options.window_octets;
  if (core.files) setup.make_file = [&core](MessageId id) { return core.make_file(id); };
  setup.hold_memory = [&core](std::int64_t octets) { core.hold_memory(octets); };
  setup.arrival = Arrival(core.committer.arriving());
  return Draft(std::move(setup));
}

MessagePtr Spool::commit(Draft draft,
                         Envelope envelope,
                         Done done,
                         std::chrono::microseconds grace) {
  Core& core = *core_;
  const std::shared_ptr<DraftFile> file = draft.take_file();
  Record record;
  record.envelope = std::move(envelope);
  record.envelope.octets = draft.octets();
  record.place = file ? BodyPlace::file : BodyPlace::database;
  const MessagePtr message =
      core.adopt(draft.id(), std::move(record), Message::Stage::waiting, draft.take_chunks());
  message->on_committed(std::move(done));
  std::error_code refused = core.admits();
  if (!refused && message->is_settled()) refused = make_error_code(Errc::settled);
  if (file) {
    core.finish_file(message, *file, refused, grace);
    // Before anybody begins to deliver it.
    if (refused) message->refuse(refused);
  } else if (refused) {
    message->refuse(refused);
  } else {
    core.committer.commit(
        message, std::chrono::steady_clock::now() + grace, std::move(draft.setup_.arrival));
  }
  return message;
}

bool Spool::commit_again(const MessagePtr& message, Done done) {
  Core& core = *core_;
  if (core.closed || core.committer.health() == Health::failed) return false;
  if (!message->wait_again(std::move(done))) return false;
  core.committer.commit(message, std::chrono::steady_clock::now());
  return true;
}

net::Awaitable<std::error_code> Spool::commit(Draft draft, Envelope envelope) {
  MessagePtr message;
  auto start = [this,
                &message,
                held = std::make_unique<Draft>(std::move(draft)),
                with = std::move(envelope)](Done done) mutable {
    message = commit(std::move(*held), std::move(with), std::move(done));
  };
  const std::error_code error = co_await awaiting<std::error_code>(std::move(start));
  co_return error;
}

// ---- load, read, hold ----

void Spool::load(MessageId id, Loaded loaded) {
  Core& core = *core_;
  if (core.closed) {
    loaded(make_error_code(Errc::closed));
    return;
  }
  core.reading.post(
      [&core, id, loaded = std::move(loaded)]() mutable { loaded(core.load_now(id)); });
}

net::Awaitable<Result<MessagePtr>> Spool::load(MessageId id) {
  auto start = [this, id](Loaded loaded) { load(id, std::move(loaded)); };
  Result<MessagePtr> message = co_await awaiting<Result<MessagePtr>>(std::move(start));
  co_return message;
}

BodyReader Spool::read(MessagePtr message) {
  Core& core = *core_;
  BodyReader::Setup setup;
  setup.message = std::move(message);
  setup.store = core.store.get();
  setup.files = core.files.get();
  setup.worker = &core.reading;
  setup.writing = &core.writing;
  setup.damaged = [&core](const MessagePtr& about, const std::string& why) {
    core.set_message_aside(about, why);
  };
  return BodyReader(std::move(setup));
}

net::Awaitable<std::error_code> Spool::hold(MessageId id, bool held) {
  const Result<MessagePtr> message = co_await load(id);
  if (!message) co_return message.error();
  auto start = [held, about = *message](Done done) { about->set_held(held, std::move(done)); };
  const std::error_code error = co_await awaiting<std::error_code>(std::move(start));
  co_return error;
}

// ---- scan ----

namespace {

/// So many records are read at a time for who may take long over each.
constexpr std::size_t kPage = 256;

/// A record, or none where it cannot be read.
struct Line {
  MessageId id;
  std::optional<std::string> record;
};

/// Page by page: nobody who waits (for a slow reader of `postern queue list`) may keep the store
/// from being opened again. What comes meanwhile is not read.
void scan_in_pages(Store& store,
                   const std::function<void(MessageId, std::string_view)>& visit,
                   const std::function<void(MessageId)>& unreadable) {
  const MessageId end = store.last_id();
  MessageId last;
  for (bool more = true; more && last < end;) {
    std::vector<Line> page;
    more = store.scan(
        last,
        kPage,
        [&page](MessageId id, std::string_view record) {
          page.push_back({id, std::string(record)});
        },
        [&page](MessageId id) {
          page.push_back({id, std::nullopt});
        });
    for (const Line& line : page) {
      if (end < line.id) return;
      if (line.record) {
        visit(line.id, *line.record);
      } else {
        unreadable(line.id);
      }
    }
    if (page.empty()) return;
    last = page.back().id;
  }
}

}  // namespace

std::size_t Spool::scan(Which which, const Visit& visit) {
  Core& core = *core_;
  const bool recovered = which == Which::recovered;
  std::size_t visited = 0;
  Ledger found;
  const auto take = [&](MessageId id, std::string_view bytes) {
    if (recovered && id > core.first_new) return;
    // Settled a moment ago, or refused by a sync that failed.
    const MessagePtr known = recovered ? nullptr : core.active(id);
    if (known && known->stage() == Message::Stage::gone) return;
    const auto record = decode_record(bytes);
    if (!record) {
      core.set_record_aside(id, bytes, "the envelope record does not decode");
      return;
    }
    std::int64_t pending = 0;
    for (const Recipient& r : record->envelope.recipients)
      pending += r.fate == Fate::pending;
    found.queued += pending;
    found.messages += pending > 0;
    found.octets += pending > 0 ? static_cast<std::int64_t>(record->envelope.octets) : 0;
    ++visited;
    visit(id, record->envelope);
  };
  const auto damaged = [&core](MessageId id) {
    core.set_record_aside(id, {}, "the envelope record cannot be read");
  };
  if (recovered) {
    // As it was at one moment: what is delivered meanwhile is compared with the book, too.
    core.store->scan(MessageId(), std::numeric_limits<std::size_t>::max(), take, damaged);
  } else {
    scan_in_pages(*core.store, take, damaged);
  }
  if (!recovered || core.reconciled.exchange(true)) return visited;
  // What the book has and the store has not was damaged, as were those whose group in the log was;
  // what the store has more (its log lost a settlement, or the book) is accepted once again.
  Ledger correction;
  correction.queued = found.queued - core.opening.queued;
  correction.messages = found.messages - core.opening.messages;
  correction.octets = found.octets - core.opening.octets;
  correction.damaged = std::max({-correction.queued, core.lost_recipients, std::int64_t{0}});
  correction.accepted = correction.queued + correction.damaged;
  if (correction != Ledger{}) core.committer.correct(correction);
  return visited;
}

// ---- the rest ----

std::int64_t Spool::memory_octets() const {
  return core_->memory.load(std::memory_order_relaxed);
}

Health Spool::health() const {
  return core_->committer.health();
}

void Spool::hold_memory(std::int64_t octets) {
  core_->hold_memory(octets);
}

Stats Spool::stats() const {
  const Core& core = *core_;
  const Committer::Counters counters = core.committer.counters();
  Stats stats;
  stats.ledger = core.committer.ledger();
  stats.health = core.committer.health();
  stats.groups = counters.groups;
  stats.lazy_writes = counters.lazy_writes;
  stats.committed = counters.messages;
  stats.never_written = core.ended_unwritten;
  stats.damaged_records = core.damaged;
  stats.octets_written = core.store->octets_written();
  stats.file_octets = core.file_octets;
  stats.memory_octets = core.memory;
  stats.free_octets = core.space.free_octets();
  stats.waiting = core.committer.waiting();
  return stats;
}

MemoryUse Spool::memory_use(std::size_t look_at) const {
  // So many places of the table at a time: whoever has a message to put in waits no longer.
  constexpr std::size_t kBuckets = 256;
  Core& core = *core_;
  MemoryUse out;
  out.store = core.store->memory();
  out.bodies = static_cast<std::uint64_t>(std::max<std::int64_t>(core.memory, 0));
  std::size_t all = 0;
  std::vector<MessagePtr> some;
  for (std::size_t at = 0; out.letters < look_at; at += kBuckets) {
    all = core.actives_between(at, at + kBuckets, some);
    if (all == 0) return out;
    out.letters += some.size();
    for (const MessagePtr& message : some)
      out.letters_octets += message->footprint();
    some.clear();
  }
  if (out.letters == 0 || all <= out.letters) return out;
  const double more = static_cast<double>(all) / static_cast<double>(out.letters);
  out.letters_octets = static_cast<std::uint64_t>(static_cast<double>(out.letters_octets) * more);
  out.letters = all;
  return out;
}

void Spool::reclaim(Done done) {
  Core& core = *core_;
  core.chores.post([&core, done = std::move(done)]() mutable {
    core.reclaim(true);
    done({});
  });
}

}  // namespace postern::spool
