// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tls_report/tally.h"

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace postern::tls_report {

/// "2026-11-30", and back; nullopt: it is no day.
std::string day_name(std::chrono::sys_days day);
std::optional<std::chrono::sys_days> parse_day(std::string_view name);

/// What was counted in the days that are not reported yet: in memory behind one lock, and in one
/// file a day, so that a restart forgets little. Any thread.
class Ledger {
 public:
  /// Days that are kept; older ones are forgotten.
  static constexpr std::size_t kMostDays = 3;

  /// Reads what `folder` holds; empty: nothing is written.
  explicit Ledger(std::string folder);

  void count(std::chrono::sys_days day, const Sighting& seen);
  std::vector<std::chrono::sys_days> days() const;
  /// A copy.
  Day day(std::chrono::sys_days day) const;
  std::vector<std::string> domains(std::chrono::sys_days day) const;
  /// Takes a domain's counts out; empty: there are none. Their file keeps them until done(), so
  /// that an end in between loses nothing.
  Day::Policies take(std::chrono::sys_days day, const std::string& domain);
  /// What was taken is reported, or of no use.
  void done(std::chrono::sys_days day, const std::string& domain);
  /// Puts them back, beside what was counted meanwhile.
  void put_back(std::chrono::sys_days day, const std::string& domain, Day::Policies policies);
  /// Forgets days before this one.
  void forget_before(std::chrono::sys_days day);

  /// Writes the days that have changed, and removes the files of those that are gone. Blocks, for
  /// the disk alone; one thread at a time. False: some file could not be written.
  bool save();

 private:
  void give_up_taken(std::chrono::sys_days day, const std::string& domain);

  const std::string folder_;
  mutable std::mutex mutex_;
  std::map<std::chrono::sys_days, Day> days_;
  std::map<std::chrono::sys_days, Day> taken_;  ///< copies of what is out
  std::set<std::chrono::sys_days> changed_;
};

}  // namespace postern::tls_report
