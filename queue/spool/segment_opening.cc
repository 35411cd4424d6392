// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/segment_opening.h"

#include "queue/spool/log_format.h"
#include "queue/spool/packed.h"
#include "queue/spool/rocks_database.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace postern::spool {
namespace {

constexpr char kFrameSpace = static_cast<char>(RocksSpace::frame);
constexpr std::size_t kFrameKeyOctets = 13;
const std::string kSealedKey(1, static_cast<char>(RocksSpace::sealed));

std::uint64_t segment_in(std::string_view key) {
  std::uint64_t number = 0;
  for (const char c : key.substr(1, 8))
    number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

/// Of a record, a body or a body's place; zero: the key is of something else.
MessageId id_of_letter(std::string_view key) {
  for (const RocksSpace space : {RocksSpace::record, RocksSpace::body, RocksSpace::segment_place}) {
    const MessageId id = id_in_key(space, key);
    if (id != MessageId()) return id;
  }
  return {};
}

rocksdb::Slice slice(std::string_view octets) {
  return {octets.data(), octets.size()};
}

}  // namespace

std::string frame_key(const FramePlace& place) {
  std::string key(1, kFrameSpace);
  for (int shift = 56; shift >= 0; shift -= 8)
    key += static_cast<char>(place.segment >> shift & 0xFFU);
  for (int shift = 24; shift >= 0; shift -= 8)
    key += static_cast<char>(place.offset >> shift & 0xFFU);
  return key;
}

void put_sealed_key(rocksdb::WriteBatch& batch, std::uint64_t segment) {
  SegmentPlace place;
  place.segment = segment;
  batch.Put(kSealedKey, encode_segment_place(place)).PermitUncheckedError();
}

std::string SegmentOpening::run(Segments& segments) {
  auto found = segments_in(system_, options_.segments);
  if (!found) return found.error();
  found_ = *std::move(found);
  if (!found_.empty()) last_ = found_.back().number;
  read_sealed();
  read_keys();
  std::string error = sync_files();
  if (error.empty()) error = read_frames();
  if (!error.empty()) return error;
  rocksdb::Status status = replay();
  rocksdb::WriteBatch batch;
  if (status.ok()) restore_places(segments, batch);
  if (!frames_.empty() || !keys_.empty()) {
    put_sealed_key(batch, last_);
    for (const std::string& key : keys_)
      batch.SingleDelete(key).PermitUncheckedError();
    for (const Frame& frame : frames_) {
      if (!frame.is_present) batch.SingleDelete(frame_key(frame.head.place)).PermitUncheckedError();
    }
    // Before it is said that all of them are there.
    if (status.ok()) status = db_.SyncWAL();
  }
  if (status.ok() && batch.Count() > 0) {
    status = db_.Write(rocksdb::WriteOptions(), &batch);
    if (status.ok()) status = db_.SyncWAL();
  }
  if (!status.ok()) return status.ToString();
  segments.opened(found_, last_);
  return {};
}

void SegmentOpening::read_sealed() {
  std::string value;
  const rocksdb::Status status = db_.Get(rocksdb::ReadOptions(), kSealedKey, &value);
  if (status.IsNotFound()) return;
  if (const auto place = decode_segment_place(value); status.ok() && place) {
    sealed_ = place->segment;
  } else {
    findings_.lines.push_back(
        fmt::format("{}: which segments are sealed cannot be read; the last one is taken for open",
                    options_.path));
    sealed_ = found_.empty() ? 0 : found_.back().number - 1;
  }
  last_ = std::max(last_, sealed_);
}

/// A number is never used again while a key of it is there.
void SegmentOpening::read_keys() {
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(rocksdb::ReadOptions()));
  for (at->Seek(std::string(1, kFrameSpace)); at->Valid() && at->key()[0] == kFrameSpace;
       at->Next()) {
    if (at->key().size() != kFrameKeyOctets) continue;
    keys_.push_back(at->key().ToString());
    last_ = std::max(last_, segment_in(keys_.back()));
  }
}

// ---- frames ----

/// What ended the process may have left a frame that was not synced: it is in the page cache,
/// whole, and what is written from now on builds on it.
std::string SegmentOpening::sync_files() {
  for (const SegmentFile& file : found_) {
    if (file.number <= sealed_) continue;
    const rocksdb::IOStatus status = system_.sync_again(file.path);
    if (!status.ok()) return status.ToString();
  }
  return {};
}

std::string SegmentOpening::read_frames() {
  for (const SegmentFile& file : found_) {
    if (file.number <= sealed_) continue;
    std::string error = read_frames_of(file);
    if (!error.empty()) return error;
  }
  return {};
}

std::string SegmentOpening::read_frames_of(const SegmentFile& file) {
  auto reader = SegmentReader::open(system_, file);
  if (!reader) return reader.error();
  std::uint64_t end = 0;
  for (auto head = (*reader)->next(); head;) {
    auto behind = (*reader)->next();
    std::string value;
    // What cannot be read of it counts as missing: twice is better than never.
    const bool is_present = db_.Get(rocksdb::ReadOptions(), frame_key(head->place), &value).ok();
    // The last one may be torn: nothing of it was acknowledged.
    const bool is_whole = is_present || behind || (*reader)->is_whole(*head);
    const bool is_torn = !is_whole && !(*reader)->has_failed();
    end = head->place.offset + head->octets();
    if (!is_torn) frames_.push_back({&file, *std::move(head), is_present});
    head = std::move(behind);
  }
  if ((*reader)->has_frame_behind() || (*reader)->has_failed()) report_damaged(file, end);
  return {};
}

/// Empty: it cannot be read.
std::string SegmentOpening::batch_of(const Frame& frame) {
  const auto reader = SegmentReader::open(system_, *frame.file);
  if (!reader) return {};
  auto batch = (*reader)->batch(frame.head);
  return batch ? *std::move(batch) : std::string();
}

/// From the last frame to the first, since a later one that is there may have removed or written
/// again what one has that is missing.
rocksdb::Status SegmentOpening::replay() {
  const auto is_missing = [](const Frame& frame) { return !frame.is_present; };
  if (std::none_of(frames_.begin(), frames_.end(), is_missing)) return rocksdb::Status::OK();
  std::vector<rocksdb::WriteBatch> groups;
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
    const std::string batch = batch_of(*frame);
    if (!frame->is_present && batch.empty()) {
      report_lost(*frame);
    } else if (!frame->is_present) {
      groups.push_back(filtered(batch));
    }
    learn(batch);
  }
  findings_.removed = removed_;
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    rocksdb::Status status = db_.Write(rocksdb::WriteOptions(), &*group);
    if (!status.ok()) return status;
  }
  return rocksdb::Status::OK();
}

void SegmentOpening::learn(std::string_view batch) {
  has_later_ = has_later_ || !batch.empty();
  read_group(batch, [this](const GroupOperation& operation) {
    const MessageId id = id_in_key(RocksSpace::record, operation.key);
    if (id == MessageId()) return;
    const bool is_put = operation.kind == GroupOperation::Kind::put;
    (is_put ? rewritten_ : removed_).insert(id.value());
  });
}

rocksdb::WriteBatch SegmentOpening::filtered(std::string_view batch) const {
  rocksdb::WriteBatch out;
  read_group(batch, [&](const GroupOperation& operation) {
    const MessageId id = id_of_letter(operation.key);
    const bool is_record = id_in_key(RocksSpace::record, operation.key) != MessageId();
    if (id != MessageId() && removed_.contains(id.value())) return;
    if (operation.kind == GroupOperation::Kind::remove) {
      (is_record ? out.Delete(slice(operation.key)) : out.SingleDelete(slice(operation.key)))
          .PermitUncheckedError();
      return;
    }
    if (is_record && rewritten_.contains(id.value())) return;
    const bool is_ledger = operation.key.starts_with(static_cast<char>(RocksSpace::ledger));
    if (is_ledger && has_later_) return;
    out.Put(slice(operation.key), slice(operation.value)).PermitUncheckedError();
  });
  return out;
}

// ---- places ----

/// Where that cannot be read it is: the letter is named when its record is asked for.
bool SegmentOpening::is_needed(MessageId id) const {
  std::string value;
  const RocksKey key(RocksSpace::record, id);
  return !db_.Get(rocksdb::ReadOptions(), key, &value).IsNotFound();
}

/// Where the database says, and where frames' heads say if it has lost some: of segments that were
/// open, whose groups were replayed, and of all where a damaged block of a table hides places, or a
/// log was mended.
void SegmentOpening::restore_places(Segments& segments, rocksdb::WriteBatch& batch) {
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(rocksdb::ReadOptions()));
  for (at->Seek(RocksKey(RocksSpace::segment_place, MessageId())); at->Valid(); at->Next()) {
    const MessageId id = id_in_key(RocksSpace::segment_place, at->key().ToStringView());
    if (id == MessageId()) break;
    const auto place = decode_segment_place(at->value().ToStringView());
    // Written again with a group whose record a group that is in no frame has removed since.
    if (place && place->segment > sealed_ && !is_needed(id)) {
      batch.SingleDelete(at->key()).PermitUncheckedError();
    } else if (place) {
      segments.place(id, *place);
    }
  }
  const bool all = !at->status().ok() || options_.log_is_mended;
  for (const SegmentFile& file : found_) {
    if (file.number <= sealed_ && !all) continue;
    const auto reader = SegmentReader::open(system_, file);
    if (!reader) continue;
    while (const auto head = (*reader)->next()) {
      for (std::size_t i = 0; i < head->bodies.size(); ++i)
        restore_place(segments, batch, *head, i);
    }
  }
}

void SegmentOpening::restore_place(Segments& segments,
                                   rocksdb::WriteBatch& batch,
                                   const FrameHead& head,
                                   std::size_t index) {
  const MessageId id = head.bodies[index].id;
  if (segments.holds(id)) return;
  std::string value;
  const RocksKey key(RocksSpace::segment_place, id);
  const RocksKey record(RocksSpace::record, id);
  const bool has_key = !db_.Get(rocksdb::ReadOptions(), key, &value).IsNotFound();
  const rocksdb::Status known = db_.Get(rocksdb::ReadOptions(), record, &value);
  // A block that cannot be read may hide either. Delivered letters have neither.
  if (known.IsNotFound() || (!known.ok() && !has_key)) return;
  segments.place(id, body_place(head, index));
  if (has_key) return;
  batch.Put(key, encode_segment_place(body_place(head, index))).PermitUncheckedError();
}

// ---- what is damaged ----

void SegmentOpening::report_damaged(const SegmentFile& file, std::uint64_t at) {
  const std::string name = file.path.substr(file.path.rfind('/') + 1);
  const rocksdb::IOOptions io;
  const std::string copy = options_.damaged + "/" + name;
  system_.LinkFile(file.path, copy, io, nullptr).PermitUncheckedError();
  const bool is_kept = system_.FileExists(copy, io, nullptr).ok();
  std::unique_ptr<rocksdb::FSDirectory> directory;
  if (system_.NewDirectory(options_.damaged, io, &directory, nullptr).ok()) {
    directory->Fsync(io, nullptr).PermitUncheckedError();
  }
  findings_.lines.push_back(
      fmt::format("{} is damaged at octet {}, and letters there or behind it may be lost{}",
                  file.path,
                  at,
                  is_kept ? "; it is kept in damaged/" + name : ""));
}

/// The frame was acknowledged, the log has lost it, and its batch cannot be read: what is left of
/// it are bodies.
void SegmentOpening::report_lost(const Frame& frame) {
  report_damaged(*frame.file, frame.head.place.offset);
  const auto reader = SegmentReader::open(system_, *frame.file);
  for (std::size_t i = 0; i < frame.head.bodies.size(); ++i) {
    if (removed_.contains(frame.head.bodies[i].id.value())) continue;
    LostLetter letter;
    letter.id = frame.head.bodies[i].id;
    if (reader) {
      if (const auto body = (*reader)->body(frame.head, i)) letter.body = as_it_is(*body);
    }
    letter.where = fmt::format("{} at octet {}", frame.file->path, frame.head.place.offset);
    findings_.letters.push_back(std::move(letter));
  }
}

}  // namespace postern::spool
