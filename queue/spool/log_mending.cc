// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/log_mending.h"

#include "base/durable_file.h"
#include "queue/spool/log_file.h"
#include "queue/spool/log_format.h"
#include "queue/spool/log_survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <unistd.h>

namespace postern::spool {
namespace {

using Place = LogSurvey::Place;

constexpr std::size_t kWriteAt = 1U << 20;
constexpr std::size_t kNamedInLine = 20;

bool holds(const std::string& path, std::string_view octets) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {}) == octets;
}

/// The first of NAME, NAME.2, ... in a directory that is not there yet, or holds just that already
/// (a mending that is done again).
std::string name_for(const std::string& directory,
                     const std::string& name,
                     std::optional<std::string_view> octets) {
  std::string out = name;
  std::error_code ec;
  for (std::size_t n = 2;; ++n) {
    const std::string path = directory + "/" + out;
    if (!std::filesystem::exists(path, ec) || (octets && holds(path, *octets))) return out;
    out = fmt::format("{}.{}", name, n);
  }
}

/// The error's text; empty: the octets are on stable storage, and `path` tells where.
std::string save_place(const LogFile& log,
                       const Place& place,
                       const std::string& damaged,
                       const ReadAt& read_at,
                       std::string& path) {
  OpenLog file(log.path, O_RDONLY, read_at);
  std::string octets(place.end - place.offset, '\0');
  const auto got = file.read(place.offset, octets.data(), octets.size());
  if (!got) return system_error_of("cannot read", log.path);
  octets.resize(*got);
  const std::string name = name_for(damaged, fmt::format("{}.{}", log.name, place.offset), octets);
  path = damaged + "/" + name;
  if (write_file_durably(damaged, name, octets)) return {};
  return system_error_of("cannot write", path);
}

// No names of RocksDB's: it leaves such files alone.
constexpr std::string_view kDraft = ".mended";
constexpr std::string_view kAsItWas = ".unmended";

std::string draft_of(const LogFile& log) {
  return log.path + std::string(kDraft);
}

/// The log without its damaged places, beside it; the error's text.
std::string write_draft(const LogFile& log, const ReadAt& read_at) {
  const std::string draft = draft_of(log);
  const OpenLog out(draft, O_WRONLY | O_CREAT | O_TRUNC, read_at);
  if (!out.is_open()) return system_error_of("cannot write", draft);
  bool written = true;
  LogWriter writer;
  std::string waiting;
  LogReader reader([&](LogPiece&& piece) {
    if (piece.good) writer.append(piece.octets, waiting);
    if (waiting.size() < kWriteAt) return;
    written = written && out.write(waiting);
    waiting.clear();
  });
  const auto read = read_log(log.path, read_at, reader);
  if (!read) return read.error();
  if (written && out.write(waiting) && out.sync()) return {};
  return system_error_of("cannot write", draft);
}

/// The error's text. Afterwards the log as it was has another name beside it.
std::string put_in_place(const LogFile& log, const std::string& database) {
  const std::string as_it_was = log.path + std::string(kAsItWas);
  const bool replaced =
      ::link(log.path.c_str(), as_it_was.c_str()) == 0 && sync_directory(database) &&
      ::rename(draft_of(log).c_str(), log.path.c_str()) == 0 && sync_directory(database);
  return replaced ? std::string() : system_error_of("cannot replace", log.path);
}

/// Paths of logs as they were before they were mended.
std::vector<std::string> unmended_in(const std::string& database) {
  std::vector<std::string> paths;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(database, ec)) {
    const std::string path = entry.path().string();
    if (path.ends_with(std::string(".log").append(kAsItWas))) paths.push_back(path);
  }
  return paths;
}

/// A mending that did not come to its end is done again from the beginning; the error's text.
std::string restore_unmended(const std::string& database) {
  const std::vector<std::string> paths = unmended_in(database);
  for (const std::string& path : paths) {
    const std::string log = path.substr(0, path.size() - kAsItWas.size());
    if (::rename(path.c_str(), log.c_str()) != 0) return system_error_of("cannot rename", path);
    // Where the log was not replaced yet both are names of one file, and rename(2) leaves them.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return system_error_of("cannot remove", path);
    }
  }
  if (paths.empty() || sync_directory(database)) return {};
  return system_error_of("cannot sync", database);
}

std::string line_about(const LogFile& log, const Place& place, const std::string& saved_as) {
  std::string names;
  for (std::size_t i = 0; i < std::min(place.named.size(), kNamedInLine); ++i)
    names += " " + place.named[i].str();
  const std::size_t all = place.named.size() + place.unnamed;
  if (all > kNamedInLine) names += fmt::format(" and {} more", all - kNamedInLine);
  return fmt::format("{}: {} octets from {} cannot be read and are now in {}; letters:{}",
                     log.path,
                     place.end - place.offset,
                     place.offset,
                     saved_as,
                     names.empty() ? " none that could be told" : names);
}

std::string line_about(const LogFile& log, std::size_t bad_sectors, const std::string& damaged) {
  return fmt::format(
      "{}: the disk cannot read {} sectors of it, which count as zeros; the log as it is will be "
      "in {}/{}",
      log.path,
      bad_sectors,
      damaged,
      log.name);
}

std::string cannot_mend(const LogFile& log, const std::string& why) {
  return fmt::format(
      "{} is damaged and cannot be mended: {}; it takes a disk that can be written, with room for "
      "as much again",
      log.path,
      why);
}

/// All logs are written anew before the first is replaced; the error's text.
std::string replace(const std::vector<const LogFile*>& logs,
                    const std::string& database,
                    const ReadAt& read_at) {
  std::string error;
  const LogFile* at = nullptr;
  for (std::size_t i = 0; i < logs.size() && error.empty(); ++i)
    error = write_draft(*(at = logs[i]), read_at);
  for (std::size_t i = 0; i < logs.size() && error.empty(); ++i)
    error = put_in_place(*(at = logs[i]), database);
  if (error.empty()) return {};
  for (const LogFile* log : logs)
    ::unlink(draft_of(*log).c_str());
  return cannot_mend(*at, error);
}

}  // namespace

Result<LogMending, std::string> mend_logs(const std::string& database,
                                          const std::string& damaged,
                                          const ReadAt& read_at) {
  if (std::string error = restore_unmended(database); !error.empty()) return error;
  const std::vector<LogFile> logs = logs_in(database);
  LogSurvey survey(read_at, {});
  for (const LogFile& log : logs) {
    std::string error = survey.read(log);
    if (!error.empty()) return error;
  }
  survey.finish();
  LogMending mending;
  mending.is_incomplete = survey.is_incomplete();
  std::vector<const LogFile*> bad;
  for (const LogFile& log : logs) {
    const auto found = survey.places().find(log.number);
    if (found == survey.places().end()) continue;
    bad.push_back(&log);
    if (const auto at = survey.bad_sectors().find(log.number); at != survey.bad_sectors().end()) {
      mending.unreadable.push_back(log.name);
      mending.lines.push_back(line_about(log, at->second, damaged));
    }
    for (const Place& place : found->second) {
      std::string path;
      const std::string error = save_place(log, place, damaged, read_at, path);
      if (!error.empty()) return cannot_mend(log, error);
      mending.lines.push_back(line_about(log, place, path));
    }
  }
  if (std::string error = replace(bad, database, read_at); !error.empty()) return error;
  mending.has_replaced = !bad.empty();
  mending.letters = survey.letters();
  return mending;
}

std::string end_mending(const LogMending& mending,
                        const std::string& database,
                        const std::string& damaged) {
  for (const std::string& name : mending.unreadable) {
    const std::string path = database + "/" + name + std::string(kAsItWas);
    const std::string to = damaged + "/" + name_for(damaged, name, std::nullopt);
    if (::rename(path.c_str(), to.c_str()) != 0) return system_error_of("cannot move", path);
  }
  for (const std::string& path : unmended_in(database)) {
    if (::unlink(path.c_str()) != 0) return system_error_of("cannot remove", path);
  }
  const bool synced = sync_directory(damaged) && sync_directory(database);
  return synced ? std::string() : system_error_of("cannot sync", database);
}

}  // namespace postern::spool
