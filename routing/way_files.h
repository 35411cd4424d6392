// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/config.h"
#include "routing/watched_table.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postern::routing {

/// The files of `[[domain]] dual_delivery` and `[[rewrite]] map`: each is read once, whoever names
/// it. The config outlives it. refresh(): one thread at a time; look-ups: any.
class WayFiles {
 public:
  explicit WayFiles(const Config& config, const WatchedTable::Options& options = {});

  void refresh();
  /// By path; null: no setting names it.
  const WatchedTable* list(std::string_view path) const;
  const WatchedMap* map(std::string_view path) const;

 private:
  DomainIndex domains_;
  std::map<std::string, std::unique_ptr<WatchedTable>, std::less<>> lists_;
  std::map<std::string, std::unique_ptr<WatchedMap>, std::less<>> maps_;
};

}  // namespace postern::routing
