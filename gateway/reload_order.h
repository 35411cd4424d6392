// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/finding.h"
#include "gateway/replay.h"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace postern::gateway {

/// How a config is to be read again.
struct ReloadOrder {
  /// Refused when more than this share (0 to 1) of the recorded recipients would change.
  std::optional<double> guard;
  bool dry_run = false;  ///< only says what would happen
  std::stop_token stop;  ///< ends it early, with nothing taken
};

/// What became of it.
struct ReloadOutcome {
  enum class Result : std::uint8_t {
    taken,
    sound,    ///< a dry run: it would be taken
    refused,  ///< by the guard
    wrong,    ///< the config has errors: they are among the findings
    stopped,
  };
  Result result = Result::stopped;
  std::vector<Finding> findings;
  std::optional<ReplayReport> report;     ///< of a dry run, or with a guard
  std::string note;                       ///< one sentence about the report; empty: nothing to say
  std::vector<std::string> need_restart;  ///< listeners
  /// Keys of settings that have changed since the start and go on as they were then
  /// (StartSettings).
  std::vector<std::string> restart_for;
};

/// "taken", "sound", "refused", "wrong", "stopped".
std::string_view name_of(ReloadOutcome::Result result);

}  // namespace postern::gateway
