// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/spool_core.h"

#include "base/durable_file.h"
#include "queue/spool/packed.h"

#include <fmt/format.h>

#include <algorithm>
#include <semaphore>

namespace postern::spool {
namespace {

FreeOctets probe_of(const Options& options) {
  if (options.free_octets) return options.free_octets;
  if (options.data_dir.empty()) return [] { return ~std::uint64_t{0}; };
  return free_octets_of(options.data_dir);
}

/// For a person, if it is damaged; the error is body()'s.
Result<std::string> left_of_body(Store& store, MessageId id) {
  auto body = store.body(id);
  if (body || body.error() != make_error_code(Errc::damaged)) return body;
  auto left = store.damaged_body(id);
  return left ? std::move(left) : std::move(body);
}

}  // namespace

Spool::Core::Core(std::unique_ptr<Store> with, std::unique_ptr<BodyFiles> bodies, Options how)
    : options(std::move(how)),
      store(std::move(with)),
      files(std::move(bodies)),
      space(probe_of(options), options.reserve_octets, options.space_interval),
      opening(open_ledger()),
      committer(*store,
                space,
                ids,
                opening,
                options.committer,
                {.unlink = [this](MessageId id) { remove_file(id); },
                 .reclaim = [this](bool idle) { reclaim_soon(idle); },
                 .trouble =
                     [this](const std::string& text) {
                       if (options.on_trouble) options.on_trouble(text);
                     }}) {}

/// The book as it was written last; a spool without one (new, or unreadable) begins with zero, and
/// the first scan puts it right.
Ledger Spool::Core::open_ledger() {
  LedgerRecord found;
  if (const auto bytes = store->ledger()) {
    if (auto decoded = decode_ledger(*bytes)) found = *decoded;
  }
  ids.pass(found.last_id);
  ids.pass(store->last_id());
  if (files) {
    for (const MessageId id : files->list())
      ids.pass(id);
  }
  first_new = ids.last();
  return found.ledger;
}

/// One at a time. What is asked for while a long one is at it comes after it: most of a backlog
/// that drains fast goes in that time, and nobody may ask again.
void Spool::Core::reclaim_soon(bool idle) {
  reclaim_wanted = true;
  if (reclaiming.exchange(true)) return;
  chores.post([this, idle] {
    do {
      while (reclaim_wanted.exchange(false))
        reclaim(idle);
      reclaiming = false;
    } while (reclaim_wanted && !reclaiming.exchange(true));
  });
}

void Spool::Core::reclaim(bool idle) {
  // A store that has failed is left as it is.
  if (committer.health() != Health::good) return;
  const std::int64_t octets = committer.ledger().octets;
  store->reclaim(static_cast<std::uint64_t>(std::max<std::int64_t>(octets, 0)), idle);
}

// ---- what messages ask ----

void Spool::Core::changed(const MessagePtr& message, bool soon) {
  committer.changed(message, soon);
}

void Spool::Core::book(const Ledger& delta) {
  committer.book(delta);
}

void Spool::Core::remove_file(MessageId id) {
  if (files) writing.post([this, id] { files->remove(id); });
}

void Spool::Core::hold_memory(std::int64_t octets) {
  memory.fetch_add(octets, std::memory_order_relaxed);
}

void Spool::Core::never_written() {
  ended_unwritten.fetch_add(1, std::memory_order_relaxed);
}

void Spool::Core::forget(MessageId id) {
  const std::scoped_lock lock(active_mutex);
  const auto found = actives.find(id.value());
  // Another object may stand for the id by now.
  if (found != actives.end() && found->second.expired()) actives.erase(found);
}

MessagePtr Spool::Core::adopt(MessageId id,
                              Record record,
                              Message::Stage stage,
                              std::vector<Chunk> chunks) {
  auto message = std::make_shared<Message>(*this, id, std::move(record), stage, std::move(chunks));
  const std::scoped_lock lock(active_mutex);
  actives[id.value()] = message;
  return message;
}

MessagePtr Spool::Core::active(MessageId id) {
  const std::scoped_lock lock(active_mutex);
  const auto found = actives.find(id.value());
  return found == actives.end() ? nullptr : found->second.lock();
}

std::size_t Spool::Core::actives_between(std::size_t from,
                                         std::size_t to,
                                         std::vector<MessagePtr>& out) {
  const std::scoped_lock lock(active_mutex);
  const std::size_t end = std::min(to, actives.bucket_count());
  for (std::size_t bucket = from; bucket < end; ++bucket) {
    for (auto at = actives.begin(bucket); at != actives.end(bucket); ++at) {
      if (MessagePtr message = at->second.lock()) out.push_back(std::move(message));
    }
  }
  return from < end ? actives.size() : 0;
}

// ---- append ----

std::error_code Spool::Core::admits() {
  if (closed) return make_error_code(Errc::closed);
  if (committer.health() == Health::failed) return make_error_code(Errc::store_failed);
  // A full store is left to the committer to mend: it tries with the next commit.
  if (!space.has_room()) return make_error_code(Errc::no_space);
  return {};
}

std::shared_ptr<DraftFile> Spool::Core::make_file(MessageId id) {
  return std::make_shared<DraftFile>(
      *files, writing, id, [this](std::int64_t octets) { hold_memory(octets); });
}

void Spool::Core::finish_file(const MessagePtr& message,
                              DraftFile& file,
                              std::error_code refused,
                              std::chrono::microseconds grace) {
  const auto not_before = std::chrono::steady_clock::now() + grace;
  file.finish(!refused, [this, message, refused, not_before](std::error_code error, auto crc) {
    message->set_body_crc(crc, !error && !refused);
    if (!error && !refused) {
      file_octets.fetch_add(message->octets(), std::memory_order_relaxed);
      committer.commit(message, not_before);
      return;
    }
    if (error == make_error_code(Errc::store_failed)) {
      committer.fail(fmt::format("the body of {} could not be written", message->id().str()));
    }
    message->refuse(refused ? refused : error);
  });
}

// ---- load ----

/// On the reading thread alone, so that no two objects for one id are made.
Result<MessagePtr> Spool::Core::load_now(MessageId id) {
  if (MessagePtr known = active(id)) {
    if (known->stage() == Message::Stage::gone) return make_error_code(Errc::not_found);
    return known;
  }
  const auto bytes = store->record(id);
  if (!bytes) return bytes.error();
  auto record = decode_record(*bytes);
  if (!record) {
    set_record_aside(id, *bytes, "the envelope record does not decode");
    return make_error_code(Errc::damaged);
  }
  MessagePtr message = adopt(id, *std::move(record), Message::Stage::stored, {});
  message->count_as_stored();
  return message;
}

// ---- damage ----

bool Spool::Core::save(MessageId id, std::string_view suffix, std::string_view octets) const {
  if (!dir) return true;
  return write_file_durably(dir->damaged(), fmt::format("{}.{}", id.str(), suffix), octets);
}

void Spool::Core::report_damaged(MessageId id, const std::string& why) {
  ++damaged;
  if (options.on_damaged) options.on_damaged(id, why);
}

void Spool::Core::set_record_aside(MessageId id, std::string_view record, const std::string& why) {
  const auto body = left_of_body(*store, id);
  bool saved = record.empty() || save(id, "envelope", record);
  if (body) saved = saved && save(id, "eml", *body);
  if (files) files->set_aside(id);
  report_damaged(id, saved ? why : why + "; it could not be moved aside");
  const bool no_body = !body && body.error() == make_error_code(Errc::not_found);
  if (saved) committer.remove_record(id, !no_body);
}

void Spool::Core::set_message_aside(const MessagePtr& message, const std::string& why) {
  std::string record;
  encode_record(message->record(), record);
  const MessageId id = message->id();
  const bool stored_beside = message->place() == BodyPlace::database;
  const auto body = stored_beside ? left_of_body(*store, id) : Result<std::string>(std::string());
  if (!save(id, "envelope", record) || (stored_beside && body && !save(id, "eml", *body))) {
    report_damaged(id, why + "; it could not be moved aside");
    return;
  }
  // Before its removal is written, which would take the file along.
  if (message->stage() != Message::Stage::stored) return;
  if (message->place() == BodyPlace::file && files) files->set_aside(id);
  if (message->set_aside()) report_damaged(id, why);
}

void Spool::Core::tell_of(const LogMending& mending) {
  for (const std::string& line : mending.lines) {
    if (options.on_trouble) options.on_trouble(line);
  }
  for (const LostLetter& letter : mending.letters) {
    if (const auto record = decode_record(letter.record)) {
      for (const Recipient& r : record->envelope.recipients)
        lost_recipients += r.fate == Fate::pending;
    }
    auto body = unpack(letter.body);
    if (!body && mending.find_body) body = mending.find_body(letter.id);
    bool saved = letter.record.empty() || save(letter.id, "envelope", letter.record);
    if (body) saved = save(letter.id, "eml", *body) && saved;
    const std::string why = "its group in the log cannot be read, " + letter.where;
    report_damaged(letter.id, saved ? why : why + "; it could not be moved aside");
  }
}

void Spool::Core::keep_bodies(const std::vector<LostLetter>& letters) const {
  for (const LostLetter& letter : letters) {
    const auto stored = store->body(letter.id);
    const bool missing = !stored && stored.error() == make_error_code(Errc::not_found);
    const auto body = unpack(letter.body);
    if (missing && body) save(letter.id, "eml", *body);
  }
}

void Spool::Core::end_mending(const LogMending& mending) const {
  // Files that were moved aside have no record, and nothing would keep them at the next start.
  const std::string error = sync_directory(dir->bodies()) && sync_directory(dir->damaged())
                                ? spool::end_mending(mending, dir->database(), dir->damaged())
                                : "cannot sync " + dir->path();
  if (error.empty() || !options.on_trouble) return;
  options.on_trouble(error + "; what is damaged in the database's log will be told once more");
}

/// Files of drafts that were never committed (the process ended in between), or of letters that
/// damage did not name: then the file is all that is left.
void Spool::Core::clear_orphans(Orphans how) {
  if (!files) return;
  for (const MessageId id : files->list()) {
    const auto record = store->record(id);
    if (record || record.error() != make_error_code(Errc::not_found)) continue;
    if (how == Orphans::removed) {
      files->remove(id);
      continue;
    }
    files->set_aside(id);
    if (!options.on_trouble) continue;
    options.on_trouble(
        fmt::format("the body of {0} is in no letter, and the end or a part of the database's log "
                    "cannot be read: it is now in damaged/{0}.eml; it may be of a letter that was "
                    "lost, or of one that was never taken",
                    id.str()));
  }
}

void Spool::Core::close() {
  if (closed.exchange(true)) return;
  store->interrupt();
  // Bodies that are on their way first: their commits come from there.
  std::binary_semaphore written(0);
  writing.post([&written] { written.release(); });
  written.acquire();
  committer.stop();
  writing.stop();
  reading.stop();
  chores.stop();
}

}  // namespace postern::spool
