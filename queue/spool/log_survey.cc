// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/log_survey.h"

#include "queue/spool/record.h"
#include "queue/spool/rocks_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace postern::spool {
namespace {

/// What the piece was meant to be, as far as it goes.
std::string_view group_of(const LogPiece& piece) {
  const std::string_view octets = piece.octets;
  const std::size_t framing = piece.rest_at == 0 ? kLogHeader : 0;
  return octets.substr(std::min(framing, octets.size()));
}

std::string_view rest_of(const LogPiece& piece) {
  const std::string_view octets = piece.octets;
  return octets.substr(std::min(piece.rest_at, octets.size()));
}

}  // namespace

std::string LogSurvey::read(const LogFile& log) {
  log_ = &log;
  LogReader reader([this](LogPiece&& piece) { take(std::move(piece)); });
  const auto bad = read_log(log.path, read_at_, reader);
  if (!bad) return bad.error();
  if (reader.is_foreign()) {
    // Left to RocksDB.
    is_foreign_ = true;
    std::erase_if(suspects_, [this](const Suspect& one) { return one.log == log_; });
    places_.erase(log.number);
    next_ = 0;
  } else if (*bad > 0) {
    bad_sectors_[log.number] = *bad;
    places_[log.number];
  }
  return {};
}

std::vector<LostLetter> LogSurvey::letters() {
  std::vector<LostLetter> out;
  out.reserve(letters_.size());
  for (auto& [id, letter] : letters_)
    out.push_back(std::move(letter));
  return out;
}

void LogSurvey::take(LogPiece&& piece) {
  if (piece.good) {
    take_good(piece.octets);
    return;
  }
  Suspect suspect;
  suspect.log = log_;
  suspect.own = group_header(group_of(piece)).sequence;
  LogReader::groups_in(rest_of(piece), [&suspect](std::string_view group) {
    suspect.behind = std::max(suspect.behind, group_header(group).sequence);
  });
  if (kept_ + piece.octets.size() > limits_.octets) {
    find_records(piece.octets, [&](MessageId id) { suspect.ids.push_back(id); });
    piece.octets = std::string();
  }
  kept_ += piece.octets.size();
  suspect.piece = std::move(piece);
  suspects_.push_back(std::move(suspect));
}

void LogSurvey::take_good(std::string_view group) {
  const GroupHeader header = group_header(group);
  judge(is_gap(header.sequence), log_);
  for (const Suspect& suspect : std::exchange(suspects_, {}))
    kept_ -= suspect.piece.octets.size();
  if (group.size() >= GroupHeader::kOctets) next_ = header.sequence + header.count;
  if (letters_.empty()) return;
  read_group(group, [this](const GroupOperation& operation) {
    if (operation.kind == GroupOperation::Kind::remove) forget(operation.key);
  });
}

void LogSurvey::finish() {
  judge(false, nullptr);
}

/// Whether groups are missing in front of this one: the database has read them, and counted.
bool LogSurvey::is_gap(std::uint64_t sequence) const {
  if (next_ != 0) return sequence > next_;
  return std::any_of(suspects_.begin(), suspects_.end(), [&](const Suspect& suspect) {
    return suspect.log != log_ && suspect.own != 0 && suspect.own < sequence;
  });
}

/// Confirms those that have something good behind them in their log; `good_in`: what comes next is
/// that, in this log. A write that a crash has torn has nothing behind it.
void LogSurvey::judge(bool all, const LogFile* good_in) {
  std::vector<Suspect> damaged;
  for (std::size_t i = suspects_.size(); i-- > 0;) {
    Suspect& suspect = suspects_[i];
    const bool is_proven = (suspect.behind != 0 && suspect.behind >= next_) ||
                           bad_sectors_.contains(suspect.log->number);
    if (is_proven) good_in = suspect.log;
    if (!all && suspect.log != good_in) continue;
    damaged.push_back(std::move(suspect));
    suspects_.erase(suspects_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  std::reverse(damaged.begin(), damaged.end());
  for (const Suspect& suspect : damaged)
    confirm(suspect);
}

void LogSurvey::forget(std::string_view key) {
  const auto known = letters_.find(id_in_key(RocksSpace::record, key).value());
  if (known == letters_.end()) return;
  kept_ -= known->second.record.size() + known->second.body.size();
  letters_.erase(known);
}

void LogSurvey::keep(std::string& in, std::string_view octets) {
  kept_ += octets.size();
  kept_ -= in.size();
  in = octets;
}

void LogSurvey::confirm(const Suspect& suspect) {
  const LogPiece& piece = suspect.piece;
  kept_ -= piece.octets.size();
  std::vector<Place>& places = places_[suspect.log->number];
  if (places.empty() || places.back().end != piece.offset) {
    places.push_back({piece.offset, piece.offset, {}, 0});
  }
  places.back().end = piece.end;
  where_ = fmt::format("{} at octet {}", suspect.log->path, piece.offset);
  Place& place = places.back();
  const std::string_view group = group_of(piece);
  std::set<std::uint64_t> removed;
  const auto take = [&](const GroupOperation& operation) {
    visit(operation, place);
    if (operation.kind == GroupOperation::Kind::put) return;
    removed.insert(id_in_key(RocksSpace::record, operation.key).value());
  };
  const std::size_t known = read_group(group, take);
  LogReader::groups_in(rest_of(piece),
                       [&take](std::string_view behind) { read_group(behind, take); });
  find_records(piece.whole ? group.substr(known) : group, [&](MessageId id) {
    if (!removed.contains(id.value())) name(id, place);
  });
  for (const MessageId id : suspect.ids)
    name(id, place);
}

LostLetter* LogSurvey::name(MessageId id, Place& place) {
  if (letters_.size() >= limits_.letters && !letters_.contains(id.value())) {
    ++place.unnamed;
    return nullptr;
  }
  const auto [at, is_new] = letters_.try_emplace(id.value());
  if (is_new) {
    at->second.id = id;
    at->second.where = where_;
    place.named.push_back(id);
  }
  return &at->second;
}

void LogSurvey::visit(const GroupOperation& operation, Place& place) {
  if (operation.kind == GroupOperation::Kind::remove) {
    forget(operation.key);
    return;
  }
  const MessageId of_record = id_in_key(RocksSpace::record, operation.key);
  const MessageId of_body = id_in_key(RocksSpace::body, operation.key);
  if (of_record != MessageId()) {
    LostLetter* const letter = name(of_record, place);
    if (letter != nullptr && decode_record(operation.value)) keep(letter->record, operation.value);
  } else if (const auto known = letters_.find(of_body.value()); known != letters_.end()) {
    keep(known->second.body, operation.value);
  }
}

}  // namespace postern::spool
