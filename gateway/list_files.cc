// SPDX-License-Identifier: Apache-2.0
#include "gateway/list_files.h"

#include <utility>

namespace postern::gateway {

ListFiles::ListFiles(const routing::Config& config, std::chrono::milliseconds settle)
    : cutover(config, watching(log_, settle)),
      waves(config, watching(log_, settle)),
      ways(config, watching(log_, settle)) {}

routing::WatchedTable::Options ListFiles::watching(const std::shared_ptr<Log>& log,
                                                   std::chrono::milliseconds settle) {
  routing::WatchedTable::Options out;
  out.settle = settle;
  out.notice = [log](const std::string& line) {
    if (log->notice) {
      log->notice(line);
    } else {
      log->kept.push_back(line);
    }
  };
  return out;
}

void ListFiles::tell(const routing::Notice& notice) {
  log_->notice = notice;
  for (const std::string& line : std::exchange(log_->kept, {}))
    notice(line);
}

void ListFiles::refresh() {
  cutover.refresh();
  waves.refresh();
  ways.refresh();
}

}  // namespace postern::gateway
