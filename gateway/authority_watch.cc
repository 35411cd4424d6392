// SPDX-License-Identifier: Apache-2.0
#include "gateway/authority_watch.h"

#include <utility>

namespace postern::gateway {

void AuthorityWatch::taken(const std::set<std::string>& files) {
  std::map<std::string, Seen> now;
  for (const std::string& file : files) {
    if (file.empty()) continue;  // the system's
    const FileStamp stamp = FileStamp::of(file);
    now.emplace(file, Seen{stamp, stamp});
  }
  files_ = std::move(now);
}

std::vector<std::string> AuthorityWatch::changed() {
  std::vector<std::string> out;
  for (auto& [file, seen] : files_) {
    const FileStamp stamp = FileStamp::of(file);
    const bool is_settled = stamp == std::exchange(seen.last, stamp);
    if (is_settled && stamp != seen.taken && stamp != FileStamp()) out.push_back(file);
  }
  return out;
}

}  // namespace postern::gateway
