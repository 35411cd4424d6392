// SPDX-License-Identifier: Apache-2.0
#include "gateway/authority_watch.h"

#include <sys/stat.h>
#include <utility>

namespace postern::gateway {
namespace {

std::int64_t nanoseconds(const struct timespec& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return static_cast<std::int64_t>(time.tv_sec) * kSecond + time.tv_nsec;
}

}  // namespace

AuthorityWatch::Stamp AuthorityWatch::stamp_of(const std::string& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return {};
  return {nanoseconds(facts.st_mtim),
          nanoseconds(facts.st_ctim),
          static_cast<std::uint64_t>(facts.st_size),
          static_cast<std::uint64_t>(facts.st_ino)};
}

void AuthorityWatch::taken(const std::set<std::string>& files) {
  std::map<std::string, Seen> now;
  for (const std::string& file : files) {
    if (file.empty()) continue;  // the system's
    const Stamp stamp = stamp_of(file);
    now.emplace(file, Seen{stamp, stamp});
  }
  files_ = std::move(now);
}

std::vector<std::string> AuthorityWatch::changed() {
  std::vector<std::string> out;
  for (auto& [file, seen] : files_) {
    const Stamp stamp = stamp_of(file);
    const bool is_settled = stamp == std::exchange(seen.last, stamp);
    if (is_settled && stamp != seen.taken && stamp != Stamp()) out.push_back(file);
  }
  return out;
}

}  // namespace postern::gateway
