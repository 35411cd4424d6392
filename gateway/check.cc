// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"

#include "gateway/check_parts.h"

#include <fmt/format.h>

namespace postern::gateway {

namespace {

/// A worker has a connection of its own to each host at least.
void check_threads(const Config& config, Findings& out) {
  for (const routing::NextHop& hop : config.routing.next_hops) {
    const unsigned most = hop.limits.connections_per_host;
    if (config.limits.threads <= most) continue;
    out.warning("limits.threads",
                "threads-beyond-connections",
                fmt::format("{} worker threads have one connection each to a host of next hop "
                            "\"{}\", which is to have {} at most; write threads = {} or less, or 0",
                            config.limits.threads,
                            hop.name,
                            most,
                            most));
  }
}

}  // namespace

std::vector<Finding> check(const Config& config) {
  return check(config, ListFiles(config.routing));
}

std::vector<Finding> check(const Config& config, const ListFiles& lists) {
  Findings out(config);
  check_files(config, out);
  check_threads(config, out);
  check_access(config, out);
  check_ways(config, out);
  check_more_ways(config, lists.ways, out);
  check_renamed(config, lists, out);
  check_waves(config, lists, out);
  check_directories(config, out);
  check_policies(config, out);
  check_auth(config, out);
  check_tls(config, out);
  check_certificates(config, out);
  std::vector<Finding> list = out.take();
  sort_by_place(list);
  return list;
}

}  // namespace postern::gateway
