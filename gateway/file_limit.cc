// SPDX-License-Identifier: Apache-2.0
#include "gateway/file_limit.h"

#include "gateway/config.h"
#include "queue/hop_order.h"

#include <fmt/format.h>

#include <sys/resource.h>

namespace postern::gateway {
namespace {

/// Connections to the hosts of domains, the store's files, logs, sockets that listen.
constexpr std::uint64_t kOtherFiles = 1000;

}  // namespace

std::uint64_t raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

std::uint64_t files_wanted(const Config& config) {
  std::uint64_t out = config.limits.sessions + kOtherFiles;
  for (const routing::NextHop& hop : config.routing.next_hops)
    out += std::uint64_t{hop.limits.connections_per_host} * queue::hosts_at_a_time(hop);
  return out;
}

std::string too_few_files(const Config& config) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  const std::uint64_t wanted = files_wanted(config);
  if (limit.rlim_cur >= wanted) return {};
  return fmt::format(
      "{} open files are allowed, limits.sessions and max_connections of the next hops want {}: "
      "raise LimitNOFILE of the service (ulimit -Hn), or lower these",
      limit.rlim_cur,
      wanted);
}

}  // namespace postern::gateway
