// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/segments.h"

#include "base/crc32c.h"
#include "queue/spool/errors.h"

#include <algorithm>
#include <utility>

namespace postern::spool {
namespace {

using rocksdb::FileOptions;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// An open segment of so many octets that nobody needs is not kept for the next frames.
constexpr std::uint64_t kUselessOctets = 8ULL << 20;

}  // namespace

Segments::Segments(Options options) : options_(std::move(options)) {}

Segments::~Segments() {
  if (file_) file_->Close(IOOptions(), nullptr).PermitUncheckedError();
  cleaner_.stop();
}

// ---- opening ----

void Segments::place(MessageId id, const SegmentPlace& place) {
  const std::scoped_lock lock(mutex_);
  places_[id.value()] = place;
  Segment& segment = segments_[place.segment];
  ++segment.live;
  segment.live_octets += place.octets;
}

void Segments::opened(const std::vector<SegmentFile>& found, std::uint64_t last) {
  const std::scoped_lock lock(mutex_);
  number_ = last;
  for (const SegmentFile& file : found) {
    number_ = std::max(number_, file.number);
    Segment& segment = segments_[file.number];
    segment.octets = file.octets;
    segment.has_unknown_holes = true;
  }
  // Useless ones go with the first sync: until then somebody may still look for a letter in them.
  for (auto& [number, segment] : segments_) {
    number_ = std::max(number_, number);
    segment.is_sealed = true;
    if (segment.live == 0) useless_.push_back(number);
  }
}

// ---- a group ----

void Segments::stage(MessageId id, std::span<const Chunk> chunks) {
  FrameBody body;
  body.id = id;
  for (const Chunk& chunk : chunks) {
    body.crc = crc32c(*chunk, body.crc);
    body.octets += static_cast<std::uint32_t>(chunk->size());
  }
  frame_.bodies.push_back(body);
  staged_.insert(staged_.end(), chunks.begin(), chunks.end());
}

IOStatus Segments::begin_segment() {
  IOStatus status = options_.system->NewWritableFile(
      segment_path(options_.directory, number_ + 1), FileOptions(), &file_, nullptr);
  std::unique_ptr<rocksdb::FSDirectory> directory;
  if (status.ok()) {
    ++number_;
    size_ = 0;
    status = options_.system->NewDirectory(options_.directory, IOOptions(), &directory, nullptr);
  }
  if (!status.ok()) {
    // Nothing was written (too many open files): it can be tried again like a full disk.
    if (file_) remove_file(number_);
    file_.reset();
    return IOStatus::NoSpace(status.ToString());
  }
  {
    const std::scoped_lock lock(mutex_);
    segments_[number_] = {};
  }
  status = directory->Fsync(IOOptions(), nullptr);
  if (!status.ok()) file_.reset();
  return status;
}

void Segments::remove_file(std::uint64_t number) const {
  options_.system->DeleteFile(segment_path(options_.directory, number), IOOptions(), nullptr)
      .PermitUncheckedError();
}

IOStatus Segments::begin_frame() {
  if (!file_) {
    IOStatus status = begin_segment();
    if (!status.ok()) return status;
  }
  frame_.place = {number_, static_cast<std::uint32_t>(size_)};
  places_staged_.clear();
  for (std::size_t i = 0; i < frame_.bodies.size(); ++i)
    places_staged_.push_back(body_place(frame_, i));
  return IOStatus::OK();
}

IOStatus Segments::write_frame(std::string_view batch) {
  frame_.batch_octets = static_cast<std::uint32_t>(batch.size());
  frame_.batch_crc = crc32c(batch);
  const auto write = [this](std::string_view octets) {
    return file_->Append(Slice(octets.data(), octets.size()), IOOptions(), nullptr);
  };
  IOStatus status = write(encode_frame_head(frame_));
  for (const Chunk& chunk : staged_) {
    if (status.ok()) status = write(*chunk);
  }
  if (status.ok()) status = write(batch);
  return status;
}

IOStatus Segments::append(std::string_view batch) {
  IOStatus status = write_frame(batch);
  if (!status.ok()) {
    take_back().PermitUncheckedError();
    return status;
  }
  status = file_->Sync(IOOptions(), nullptr);
  if (!status.ok()) return status;
  size_ += frame_.octets();
  written_ += frame_.octets();
  return status;
}

IOStatus Segments::take_back() {
  // The file's own idea of where it ends is not asked again: the next frame gets a new one.
  IOStatus status = file_->Truncate(frame_.place.offset, IOOptions(), nullptr);
  if (status.ok()) status = file_->Sync(IOOptions(), nullptr);
  file_->Close(IOOptions(), nullptr).PermitUncheckedError();
  file_.reset();
  wants_seal_ = true;
  if (status.ok() && frame_.place.offset == 0) {
    // Where there is no room, each try would leave an empty one.
    remove_file(number_);
    const std::scoped_lock lock(mutex_);
    segments_.erase(number_);
  }
  return status;
}

void Segments::keep() {
  {
    const std::scoped_lock lock(mutex_);
    Segment& segment = segments_[number_];
    segment.octets = size_;
    for (std::size_t i = 0; i < places_staged_.size(); ++i) {
      places_[frame_.bodies[i].id.value()] = places_staged_[i];
      ++segment.live;
      segment.live_octets += places_staged_[i].octets;
    }
  }
  drop_staged();
}

void Segments::drop_staged() {
  staged_.clear();
  frame_ = {};
  places_staged_.clear();
}

// ---- what is removed ----

void Segments::remove(MessageId id) {
  const std::scoped_lock lock(mutex_);
  const auto found = places_.find(id.value());
  if (found == places_.end()) return;
  removed_.push_back(found->second);
  places_.erase(found);
}

void Segments::removals_are_durable() {
  if (!has_removals()) return;
  const std::scoped_lock lock(mutex_);
  for (const SegmentPlace& place : std::exchange(removed_, {})) {
    const auto at = segments_.find(place.segment);
    if (at == segments_.end()) continue;
    Segment& segment = at->second;
    --segment.live;
    segment.live_octets -= place.octets;
    segment.holes.push_back({place.offset, place.octets});
    remove_if_useless_locked(at);
  }
  for (const std::uint64_t number : std::exchange(useless_, {})) {
    const auto at = segments_.find(number);
    if (at != segments_.end()) remove_if_useless_locked(at);
  }
}

void Segments::remove_if_useless_locked(std::map<std::uint64_t, Segment>::iterator at) {
  if (!at->second.is_sealed || at->second.live != 0) return;
  cleaner_.post([this, number = at->first] { remove_file(number); });
  segments_.erase(at);
}

bool Segments::is_full() const {
  if (!file_) return wants_seal_;
  if (size_ >= options_.full_octets) return true;
  if (size_ < kUselessOctets) return false;
  const std::scoped_lock lock(mutex_);
  const auto at = segments_.find(number_);
  return at != segments_.end() && at->second.live == 0;
}

std::uint64_t Segments::seal() {
  if (file_) file_->Close(IOOptions(), nullptr).PermitUncheckedError();
  file_.reset();
  wants_seal_ = false;
  const std::scoped_lock lock(mutex_);
  for (auto at = segments_.begin(); at != segments_.end();) {
    const auto current = at++;
    if (std::exchange(current->second.is_sealed, true)) continue;
    remove_if_useless_locked(current);
  }
  return number_;
}

// ---- reading ----

bool Segments::holds(MessageId id) const {
  const std::scoped_lock lock(mutex_);
  return places_.contains(id.value());
}

Result<SegmentPlace> Segments::place_of(MessageId id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = places_.find(id.value());
  if (found == places_.end()) return make_error_code(Errc::not_found);
  return found->second;
}

Result<std::string> Segments::read_unchecked(MessageId id) const {
  const auto place = place_of(id);
  if (!place) return place.error();
  return read_segment_octets(*options_.system, options_.directory, *place);
}

Result<std::string> Segments::read(MessageId id) const {
  const auto place = place_of(id);
  if (!place) return place.error();
  auto body = read_segment_body(*options_.system, options_.directory, *place);
  // Removed meanwhile, and its segment with it.
  if (!body && !holds(id)) return make_error_code(Errc::not_found);
  return body;
}

std::vector<MessageId> Segments::between(MessageId after, MessageId end) const {
  std::vector<MessageId> ids;
  const std::scoped_lock lock(mutex_);
  for (const auto& [id, place] : places_) {
    if (id > after.value() && (end == MessageId() || id < end.value())) ids.emplace_back(id);
  }
  return ids;
}

std::map<std::uint64_t, SegmentPlace> Segments::find(const std::set<std::uint64_t>& ids) const {
  std::map<std::uint64_t, SegmentPlace> found;
  const auto files = segments_in(*options_.system, options_.directory);
  if (!files || ids.empty()) return found;
  for (const SegmentFile& file : *files) {
    const auto reader = SegmentReader::open(*options_.system, file);
    if (!reader) continue;
    while (const auto head = (*reader)->next()) {
      for (std::size_t i = 0; i < head->bodies.size(); ++i) {
        const std::uint64_t id = head->bodies[i].id.value();
        if (ids.contains(id)) found[id] = body_place(*head, i);
      }
    }
  }
  return found;
}

}  // namespace postern::spool
