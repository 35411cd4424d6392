// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/log_mending.h"

#include "base/durable_file.h"
#include "queue/spool/log_format.h"
#include "queue/spool/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <optional>
#include <sys/types.h>
#include <unistd.h>
#include <utility>

namespace postern::spool {
namespace {

// What is kept of damaged groups in memory: letters above it are named without their octets, and
// the rest is in the octets that are moved aside.
constexpr std::size_t kMostKept = 64U << 20;
constexpr std::size_t kMostLetters = 100'000;
constexpr std::size_t kWriteAt = 1U << 20;
constexpr std::size_t kNamedInLine = 20;

struct LogFile {
  std::uint64_t number = 0;
  std::string name;
  std::string path;
};

/// A descriptor that is closed.
class OpenLog {
 public:
  OpenLog(const std::string& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~OpenLog() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenLog(const OpenLog&) = delete;
  bool is_open() const { return fd_ >= 0; }
  /// Up to `octets.size()` octets from there, fewer at the end; nullopt: errno says why.
  std::optional<std::size_t> read(std::uint64_t offset, char* to, std::size_t size) const {
    std::size_t got = 0;
    while (got < size) {
      const ssize_t n = ::pread(fd_, to + got, size - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return std::nullopt;
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    return got;
  }
  bool write(std::string_view octets) const {
    while (!octets.empty()) {
      const ssize_t n = ::write(fd_, octets.data(), octets.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      octets.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  bool sync() const { return ::fsync(fd_) == 0; }

 private:
  int fd_;
};

std::string system_error(std::string_view what, const std::string& path) {
  return fmt::format("{} {}: {}", what, path, std::strerror(errno));
}

std::vector<LogFile> logs_in(const std::string& database) {
  std::vector<LogFile> logs;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(database, ec)) {
    LogFile log{0, entry.path().filename().string(), entry.path().string()};
    const char* const end = log.name.data() + log.name.size();
    const auto parsed = std::from_chars(log.name.data(), end, log.number);
    const std::string_view rest(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    if (parsed.ec == std::errc() && rest == ".log") logs.push_back(std::move(log));
  }
  const auto older = [](const LogFile& a, const LogFile& b) { return a.number < b.number; };
  std::sort(logs.begin(), logs.end(), older);
  return logs;
}

/// The error's text; empty: all of it was read.
std::string read_log(const std::string& path, LogReader& reader) {
  const OpenLog file(path, O_RDONLY);
  if (!file.is_open()) return system_error("cannot open", path);
  std::array<char, kLogBlock> block{};
  for (std::uint64_t at = 0; !reader.is_foreign(); at += block.size()) {
    const auto got = file.read(at, block.data(), block.size());
    if (!got) return system_error("cannot read", path);
    if (*got > 0) reader.block({block.data(), *got});
    if (*got < block.size()) break;
  }
  reader.end();
  return {};
}

/// Octets of one log that are to be taken out of it.
struct Place {
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
  std::vector<MessageId> named;
};

/// Goes through all groups of all logs in their order.
class Survey {
 public:
  /// The error's text; empty: none.
  std::string read(const LogFile& log) {
    log_ = &log;
    LogReader reader([this](LogPiece&& piece) { take(std::move(piece)); });
    std::string error = read_log(log.path, reader);
    if (reader.is_foreign()) {
      // Left to RocksDB.
      is_foreign_ = true;
      std::erase_if(suspects_, [this](const Suspect& one) { return one.log == log_; });
      places_.erase(log.number);
      next_ = 0;
    }
    return error;
  }
  std::map<std::uint64_t, std::vector<Place>>& places() { return places_; }
  /// After the last log.
  bool is_incomplete() const { return is_foreign_ || !suspects_.empty() || !places_.empty(); }
  std::vector<LostLetter> letters() {
    std::vector<LostLetter> out;
    out.reserve(letters_.size());
    for (auto& [id, letter] : letters_)
      out.push_back(std::move(letter));
    return out;
  }

 private:
  /// Damaged, or what a crash has left: that is known with the next good group.
  struct Suspect {
    const LogFile* log = nullptr;
    LogPiece piece;
  };

  void take(LogPiece&& piece) {
    if (piece.good) {
      take_good(piece.octets);
      return;
    }
    if (kept_ + piece.octets.size() > kMostKept) piece.octets.clear();
    kept_ += piece.octets.size();
    suspects_.push_back({log_, std::move(piece)});
  }

  void take_good(std::string_view group) {
    const GroupHeader header = group_header(group);
    const bool is_gap = next_ != 0 && header.sequence > next_;
    for (const Suspect& suspect : std::exchange(suspects_, {})) {
      if (suspect.log == log_ || is_gap) confirm(suspect);
    }
    if (group.size() >= GroupHeader::kOctets) next_ = header.sequence + header.count;
    if (letters_.empty()) return;
    read_group(group, [this](const GroupOperation& operation) {
      if (operation.kind == GroupOperation::Kind::remove) forget(operation.key);
    });
  }

  void forget(std::string_view key) { letters_.erase(id_in_key('e', key).value()); }

  void confirm(const Suspect& suspect) {
    const LogPiece& piece = suspect.piece;
    std::vector<Place>& places = places_[suspect.log->number];
    if (places.empty() || places.back().end != piece.offset) {
      places.push_back({piece.offset, piece.offset, {}});
    }
    places.back().end = piece.end;
    where_ = fmt::format("{} at octet {}", suspect.log->path, piece.offset);
    const std::size_t known = read_group(
        piece.octets, [&](const GroupOperation& operation) { visit(operation, places.back()); });
    const std::string_view all = piece.octets;
    find_records(piece.whole ? all.substr(known) : all,
                 [&](MessageId id) { name(id, places.back()); });
  }

  LostLetter* name(MessageId id, Place& place) {
    if (letters_.size() >= kMostLetters) return nullptr;
    const auto [at, is_new] = letters_.try_emplace(id.value());
    if (is_new) {
      at->second.id = id;
      at->second.where = where_;
      place.named.push_back(id);
    }
    return &at->second;
  }

  void visit(const GroupOperation& operation, Place& place) {
    if (operation.kind == GroupOperation::Kind::remove) {
      forget(operation.key);
      return;
    }
    const MessageId of_record = id_in_key('e', operation.key);
    const MessageId of_body = id_in_key('b', operation.key);
    if (of_record != MessageId()) {
      LostLetter* const letter = name(of_record, place);
      if (letter != nullptr && decode_record(operation.value)) letter->record = operation.value;
    } else if (const auto known = letters_.find(of_body.value()); known != letters_.end()) {
      known->second.body = operation.value;
    }
  }

  const LogFile* log_ = nullptr;
  std::uint64_t next_ = 0;  ///< the sequence number of the next operation; 0: not known
  std::size_t kept_ = 0;
  bool is_foreign_ = false;
  std::string where_;
  std::vector<Suspect> suspects_;
  std::map<std::uint64_t, LostLetter> letters_;
  std::map<std::uint64_t, std::vector<Place>> places_;  ///< by the log's number
};

/// The error's text; empty: the octets are on stable storage in `damaged`.
std::string save_place(const LogFile& log, const Place& place, const std::string& damaged) {
  const OpenLog file(log.path, O_RDONLY);
  std::string octets(place.end - place.offset, '\0');
  const auto got = file.read(place.offset, octets.data(), octets.size());
  if (!got) return system_error("cannot read", log.path);
  octets.resize(*got);
  const std::string name = fmt::format("{}.{}", log.name, place.offset);
  if (write_file_durably(damaged, name, octets)) return {};
  return system_error("cannot write", damaged + "/" + name);
}

/// No name of RocksDB's: it leaves the file alone.
std::string draft_of(const LogFile& log) {
  return log.path + ".mended";
}

/// The log without its damaged places, in its stead; the error's text.
std::string rewrite(const LogFile& log, const std::string& database) {
  const std::string draft = draft_of(log);
  bool written = true;
  {
    const OpenLog out(draft, O_WRONLY | O_CREAT | O_TRUNC);
    if (!out.is_open()) return system_error("cannot write", draft);
    LogWriter writer;
    std::string waiting;
    LogReader reader([&](LogPiece&& piece) {
      if (piece.good) writer.append(piece.octets, waiting);
      if (waiting.size() < kWriteAt) return;
      written = written && out.write(waiting);
      waiting.clear();
    });
    std::string error = read_log(log.path, reader);
    if (!error.empty()) return error;
    if (!written || !out.write(waiting) || !out.sync()) return system_error("cannot write", draft);
  }
  const bool replaced = ::rename(draft.c_str(), log.path.c_str()) == 0 && sync_directory(database);
  return replaced ? std::string() : system_error("cannot replace", log.path);
}

std::string line_about(const LogFile& log, const Place& place, const std::string& damaged) {
  std::string names;
  for (std::size_t i = 0; i < std::min(place.named.size(), kNamedInLine); ++i)
    names += " " + place.named[i].str();
  if (place.named.size() > kNamedInLine) {
    names += fmt::format(" and {} more", place.named.size() - kNamedInLine);
  }
  return fmt::format("{}: {} octets from {} cannot be read and are now in {}/{}.{}; letters:{}",
                     log.path,
                     place.end - place.offset,
                     place.offset,
                     damaged,
                     log.name,
                     place.offset,
                     names.empty() ? " none that could be told" : names);
}

}  // namespace

Result<LogMending, std::string> mend_logs(const std::string& database, const std::string& damaged) {
  const std::vector<LogFile> logs = logs_in(database);
  Survey survey;
  for (const LogFile& log : logs) {
    std::string error = survey.read(log);
    if (!error.empty()) return error;
  }
  LogMending mending;
  mending.is_incomplete = survey.is_incomplete();
  for (const LogFile& log : logs) {
    const auto found = survey.places().find(log.number);
    if (found == survey.places().end()) continue;
    std::string error;
    for (const Place& place : found->second) {
      if (error.empty()) error = save_place(log, place, damaged);
      mending.lines.push_back(line_about(log, place, damaged));
    }
    if (error.empty()) error = rewrite(log, database);
    if (!error.empty()) {
      ::unlink(draft_of(log).c_str());
      return fmt::format(
          "{} is damaged and cannot be mended: {}; make room for as much again", log.path, error);
    }
  }
  mending.letters = survey.letters();
  return mending;
}

}  // namespace postern::spool
