// SPDX-License-Identifier: Apache-2.0
// What `postern stats` asks.
#include "gateway/control_commands.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace postern::gateway {

void ControlCommands::metrics() {
  if (!target_.metrics) return sink_.refuse("there are no numbers");
  nlohmann::ordered_json result;
  result["text"] = target_.metrics();
  sink_.done(std::move(result));
}

}  // namespace postern::gateway
