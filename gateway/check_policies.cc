// SPDX-License-Identifier: Apache-2.0
#include "gateway/check_parts.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::gateway {

void check_policies(const Config& config, Findings& out) {
  const std::vector<std::string>& stages = config.routing.routing.stages;
  const auto lists = [&stages](std::string_view stage) {
    return std::find(stages.begin(), stages.end(), stage) != stages.end();
  };
  for (std::size_t i = 0; i < config.routing.policies.size(); ++i) {
    const std::string own = "policy:" + config.routing.policies[i].name;
    if (lists("policy") || lists(own)) continue;
    out.warning(fmt::format("policy[{}].name", i),
                "stage-left-out",
                fmt::format("no stage asks this policy server; add \"policy\" or \"{}\" to "
                            "routing.stages",
                            own));
  }
}

}  // namespace postern::gateway
