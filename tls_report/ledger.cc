// SPDX-License-Identifier: Apache-2.0
#include "tls_report/ledger.h"

#include "base/durable_file.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace postern::tls_report {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".json";
/// Of a day's file; a larger one is not ours.
constexpr std::uintmax_t kMostOctets = 256U << 20;

std::optional<unsigned> digits(std::string_view text) {
  unsigned value = 0;
  const auto [at, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = ec == std::errc() && at == text.data() + text.size();
  return whole ? std::optional<unsigned>(value) : std::nullopt;
}

std::string content_of(const fs::path& path) {
  std::error_code ec;
  if (fs::file_size(path, ec) > kMostOctets || ec) return {};
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

std::string day_name(std::chrono::sys_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}",
                     static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

std::optional<std::chrono::sys_days> parse_day(std::string_view name) {
  if (name.size() != 10 || name[4] != '-' || name[7] != '-') return std::nullopt;
  const auto year = digits(name.substr(0, 4));
  const auto month = digits(name.substr(5, 2));
  const auto day = digits(name.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

Ledger::Ledger(std::string folder) : folder_(std::move(folder)) {
  if (folder_.empty()) return;
  std::error_code ec;
  for (fs::directory_iterator at(folder_, ec), end; !ec && at != end; at.increment(ec)) {
    const auto day = parse_day(at->path().stem().string());
    if (!day || at->path().extension() != kSuffix) continue;
    changed_.insert(*day);  // one that cannot be read goes with the next save()
    if (std::optional<Day> loaded = Day::load(content_of(at->path())); loaded && !loaded->empty())
      days_[*day] = *std::move(loaded);
  }
}

void Ledger::count(std::chrono::sys_days day, const Sighting& seen) {
  const std::lock_guard lock(mutex_);
  days_[day].count(seen);
  changed_.insert(day);
  while (days_.size() > kMostDays) {
    changed_.insert(days_.begin()->first);
    days_.erase(days_.begin());
  }
}

std::vector<std::chrono::sys_days> Ledger::days() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::chrono::sys_days> out;
  for (const auto& [day, counts] : days_)
    out.push_back(day);
  return out;
}

Day Ledger::day(std::chrono::sys_days day) const {
  const std::lock_guard lock(mutex_);
  const auto at = days_.find(day);
  return at == days_.end() ? Day() : at->second;
}

std::vector<std::string> Ledger::domains(std::chrono::sys_days day) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  const auto at = days_.find(day);
  if (at == days_.end()) return out;
  for (const auto& [domain, policies] : at->second.domains())
    out.push_back(domain);
  return out;
}

Day::Policies Ledger::take(std::chrono::sys_days day, const std::string& domain) {
  const std::lock_guard lock(mutex_);
  const auto at = days_.find(day);
  if (at == days_.end()) return {};
  Day::Policies out = at->second.take(domain);
  if (!out.empty()) taken_[day].put_back(domain, out);
  if (at->second.empty()) days_.erase(at);
  changed_.insert(day);
  return out;
}

void Ledger::done(std::chrono::sys_days day, const std::string& domain) {
  const std::lock_guard lock(mutex_);
  give_up_taken(day, domain);
}

/// Under the lock.
void Ledger::give_up_taken(std::chrono::sys_days day, const std::string& domain) {
  changed_.insert(day);
  const auto at = taken_.find(day);
  if (at == taken_.end()) return;
  at->second.take(domain);
  if (at->second.empty()) taken_.erase(at);
}

void Ledger::put_back(std::chrono::sys_days day,
                      const std::string& domain,
                      Day::Policies policies) {
  const std::lock_guard lock(mutex_);
  give_up_taken(day, domain);
  days_[day].put_back(domain, std::move(policies));
}

void Ledger::forget_before(std::chrono::sys_days day) {
  const std::lock_guard lock(mutex_);
  while (!days_.empty() && days_.begin()->first < day) {
    changed_.insert(days_.begin()->first);
    days_.erase(days_.begin());
  }
}

bool Ledger::save() {
  if (folder_.empty()) return true;
  // Copies: every connection that is counted waits for the lock, and text takes long to make.
  std::map<std::chrono::sys_days, Day> changed;
  {
    const std::lock_guard lock(mutex_);
    for (const std::chrono::sys_days day : std::exchange(changed_, {})) {
      Day& copy = changed[day];
      if (const auto at = days_.find(day); at != days_.end()) copy = at->second;
      const auto taken = taken_.find(day);
      if (taken == taken_.end()) continue;
      for (const auto& [domain, policies] : taken->second.domains())
        copy.put_back(domain, policies);
    }
  }
  if (changed.empty()) return true;
  std::error_code ec;
  if (fs::create_directories(folder_, ec)) fs::permissions(folder_, fs::perms::owner_all, ec);
  bool saved = true;
  for (const auto& [day, counts] : changed) {
    const std::string name = day_name(day) + std::string(kSuffix);
    if (counts.empty()) {
      fs::remove(fs::path(folder_) / name, ec);
    } else if (!write_file_durably(folder_, name, counts.save())) {
      saved = false;
      const std::lock_guard lock(mutex_);
      changed_.insert(day);
    }
  }
  return saved;
}

}  // namespace postern::tls_report
