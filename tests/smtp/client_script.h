// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "smtp/client_dialogue.h"

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace postern::smtp {

/// A dialogue written down as a transcript: "C: " lines the client must write, "S: " lines the
/// server answers, and "TLS", "BODY". Consecutive C lines must come in one Send.
using Transcript = std::vector<std::string>;

/// What the client wants when it has nothing to do: called each time the dialogue is Finished,
/// gives false when nothing more is wanted.
using Wants = std::function<bool(ClientDialogue&, std::size_t finished)>;

/// How a run ended.
struct ScriptResult {
  std::size_t actions = 0;  ///< Send, Receive, StartTls and SendBody, counted
  std::string mistake;      ///< where the client left the transcript; "" when it did not
  std::optional<ClientStep> failed_at;  ///< the step of the action that was made to fail
};

/// Plays the transcript against the dialogue; action number `fail_at` (from 0) fails with `kind`.
ScriptResult play(ClientDialogue& dialogue,
                  const Transcript& transcript,
                  const Wants& wants,
                  std::size_t fail_at = std::numeric_limits<std::size_t>::max(),
                  ClientFailure::Kind kind = ClientFailure::Kind::lost);

}  // namespace postern::smtp
