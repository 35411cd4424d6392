// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "gateway/control_request.h"

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace postern::tools {

/// Why there is no answer: a sentence, and the exit status that goes with it.
struct ControlFailure {
  ControlFailure() = default;
  ControlFailure(int with, std::string why) : status(with), text(std::move(why)) {}
  int status = 1;
  std::string text;
};

/// Asks the gateway whose control socket is at `path`, and waits: `line` for each line of the
/// answer but the last, which is the result. The gateway's "no" is a failure too (status 1); no
/// gateway: 69, another user's: 77, as sysexits.h has it.
Result<nlohmann::ordered_json, ControlFailure> ask(
    const std::string& path,
    const gateway::ControlRequest& request,
    const std::function<void(const nlohmann::ordered_json&)>& line);

}  // namespace postern::tools
