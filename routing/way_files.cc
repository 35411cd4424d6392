// SPDX-License-Identifier: Apache-2.0
#include "routing/way_files.h"

namespace postern::routing {

WayFiles::WayFiles(const Config& config, const WatchedTable::Options& options)
    : domains_(config.domains) {
  const MailboxRules rules{
      &domains_, config.recipients.case_sensitive, config.recipients.delimiter};
  for (const Domain& domain : config.domains) {
    const std::string& path = domain.dual_delivery;
    if (path.empty() || path == "*" || lists_.contains(path)) continue;
    lists_.emplace(path, std::make_unique<WatchedTable>(path, rules, options));
  }
  const WatchedMap::Options same{options.notice, options.settle, options.now};
  for (const RewriteRule& rule : config.rewrites) {
    if (rule.map.empty() || maps_.contains(rule.map)) continue;
    maps_.emplace(rule.map, std::make_unique<WatchedMap>(rule.map, rules, same));
  }
}

void WayFiles::refresh() {
  for (const auto& [path, list] : lists_)
    list->refresh();
  for (const auto& [path, map] : maps_)
    map->refresh();
}

const WatchedTable* WayFiles::list(std::string_view path) const {
  const auto it = lists_.find(path);
  return it == lists_.end() ? nullptr : it->second.get();
}

const WatchedMap* WayFiles::map(std::string_view path) const {
  const auto it = maps_.find(path);
  return it == maps_.end() ? nullptr : it->second.get();
}

}  // namespace postern::routing
