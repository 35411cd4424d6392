// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "routing/directory.h"
#include "routing/wave_config.h"
#include "tools/control_client.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

// What `postern wave` asks of the gateway that runs, by its control socket. Each blocks.

namespace postern::tools {

/// The states of the waves that the gateway serves with, by name.
Result<std::map<std::string, std::string>, ControlFailure> running_waves(const std::string& socket);

/// Messages in the queue with recipients who are members, or of whom that cannot be told now.
struct QueuedForMembers {
  std::size_t messages = 0;
  std::size_t recipients = 0;
  std::vector<std::string> ids;  ///< of those that are not held
};
Result<QueuedForMembers, ControlFailure> queued_for(const std::string& socket,
                                                    const routing::Directory& members);

/// Has the gateway read its config again, as `postern reload`, and looks whether it serves with
/// this state of the wave then. A failure of status 1: it does not, and why.
Result<void, ControlFailure> reload_gateway(const std::string& socket,
                                            const std::string& wave,
                                            routing::WaveState state);

/// What came of a retry.
struct Retried {
  std::size_t messages = 0;  ///< are tried now
  std::size_t busy = 0;      ///< were being delivered at that moment, and left alone
};
/// These messages are tried now: a try asks the stages again.
Result<Retried, ControlFailure> retry_messages(const std::string& socket,
                                               const std::vector<std::string>& ids);

}  // namespace postern::tools
