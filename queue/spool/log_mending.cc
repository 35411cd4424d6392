// SPDX-License-Identifier: Apache-2.0
#include "queue/spool/log_mending.h"

#include "base/durable_file.h"
#include "queue/spool/log_file.h"
#include "queue/spool/log_format.h"
#include "queue/spool/log_survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace postern::spool {
namespace {

using Place = LogSurvey::Place;

constexpr std::size_t kWriteAt = 1U << 20;
constexpr std::size_t kNamedInLine = 20;

/// The error's text; empty: the octets are on stable storage in `damaged`.
std::string save_place(const LogFile& log, const Place& place, const std::string& damaged) {
  const OpenLog file(log.path, O_RDONLY);
  std::string octets(place.end - place.offset, '\0');
  const auto got = file.read(place.offset, octets.data(), octets.size());
  if (!got) return system_error_of("cannot read", log.path);
  octets.resize(*got);
  const std::string name = fmt::format("{}.{}", log.name, place.offset);
  if (write_file_durably(damaged, name, octets)) return {};
  return system_error_of("cannot write", damaged + "/" + name);
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
    if (!out.is_open()) return system_error_of("cannot write", draft);
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
    if (!written || !out.write(waiting) || !out.sync())
      return system_error_of("cannot write", draft);
  }
  const bool replaced = ::rename(draft.c_str(), log.path.c_str()) == 0 && sync_directory(database);
  return replaced ? std::string() : system_error_of("cannot replace", log.path);
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
  LogSurvey survey;
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
