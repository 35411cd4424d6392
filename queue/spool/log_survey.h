// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/spool/log_file.h"
#include "queue/spool/log_format.h"
#include "queue/spool/log_mending.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern::spool {

/// Goes through all groups of all logs in their order and tells what of them is damaged. Blocks;
/// one thread.
class LogSurvey {
 public:
  /// What is kept in memory of damaged groups.
  struct Limits {
    std::size_t octets = 64U << 20;  ///< letters of groups above it are named without theirs
    std::size_t letters = 100'000;   ///< those above it are counted
  };

  /// `read_at` outlives it.
  LogSurvey(const ReadAt& read_at, Limits limits) : read_at_(read_at), limits_(limits) {}

  /// Octets of one log that are to be taken out of it.
  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t end = 0;
    std::vector<MessageId> named;
    std::size_t unnamed = 0;  ///< records above the limit; the same letter may count twice
  };

  /// The next one; it outlives this. The error's text; empty: none.
  std::string read(const LogFile& log);
  /// After the last one.
  void finish();

  // After that.
  /// By the number of the log, ascending. A log with sectors that cannot be read is among them
  /// whatever it holds: the database cannot read it.
  const std::map<std::uint64_t, std::vector<Place>>& places() const { return places_; }
  /// LogMending::is_incomplete.
  bool is_incomplete() const { return is_foreign_ || !suspects_.empty() || !places_.empty(); }
  /// Numbers of logs that have such sectors, with how many.
  const std::map<std::uint64_t, std::size_t>& bad_sectors() const { return bad_sectors_; }
  /// LogMending::letters; once.
  std::vector<LostLetter> letters();

 private:
  /// Damaged, or what a crash has left: that is known with the next good group, or by what stands
  /// behind it.
  struct Suspect {
    const LogFile* log = nullptr;
    std::uint64_t own = 0;     ///< its sequence number; 0: it cannot be told
    std::uint64_t behind = 0;  ///< the highest of LogReader::groups_in() it
    LogPiece piece;
    std::vector<MessageId> ids;  ///< in its octets, where they are not kept
  };

  void take(LogPiece&& piece);
  void take_good(std::string_view group);
  bool is_gap(std::uint64_t sequence) const;
  void judge(bool all, const LogFile* good_in);
  void forget(std::string_view key);
  void keep(std::string& in, std::string_view octets);
  void confirm(const Suspect& suspect);
  LostLetter* name(MessageId id, Place& place);
  void visit(const GroupOperation& operation, Place& place);

  const ReadAt& read_at_;
  const Limits limits_;
  const LogFile* log_ = nullptr;
  std::uint64_t next_ = 0;  ///< the sequence number of the next operation; 0: not known
  std::size_t kept_ = 0;    ///< octets of `suspects_` and `letters_`
  bool is_foreign_ = false;
  std::string where_;
  std::vector<Suspect> suspects_;
  std::map<std::uint64_t, LostLetter> letters_;
  std::map<std::uint64_t, std::vector<Place>> places_;
  std::map<std::uint64_t, std::size_t> bad_sectors_;
};

}  // namespace postern::spool
