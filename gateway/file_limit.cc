// SPDX-License-Identifier: Apache-2.0
#include "gateway/file_limit.h"

#include "gateway/config.h"

#include <sys/resource.h>

namespace postern::gateway {
namespace {

/// Connections to next hops, the store's files, logs, sockets that listen.
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
  return config.limits.sessions + kOtherFiles;
}

}  // namespace postern::gateway
