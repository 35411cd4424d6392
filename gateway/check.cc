// SPDX-License-Identifier: Apache-2.0
#include "gateway/check.h"

#include "gateway/check_parts.h"

#include <fmt/format.h>

namespace postern::gateway {

void check_unused_settings(const Config& config, Findings& out) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const std::string path = fmt::format("listener[{}].delivery", i);
    const bool is_written = config.positions.contains(path);
    if (!is_written || config.listeners[i].delivery == Delivery::cut_through) continue;
    out.info(path,
             "no-queue-yet",
             "this version has no queue: works as \"cut_through\", a 250 waits for the next hop's "
             "own (R15)");
  }
  if (config.positions.contains("retry")) {
    out.info(
        "retry", "no-queue-yet", "this version has no queue: the sender tries again, not postern");
  }
  if (!config.auth.accounts.empty()) {
    out.info("auth.accounts",
             "no-auth-yet",
             "this version offers no AUTH: submission listeners serve relay.allow_without_auth "
             "alone");
  }
}

std::vector<Finding> check(const Config& config) {
  Findings out(config);
  check_files(config, out);
  check_access(config, out);
  check_ways(config, out);
  check_unused_settings(config, out);
  std::vector<Finding> list = out.take();
  sort_by_place(list);
  return list;
}

}  // namespace postern::gateway
