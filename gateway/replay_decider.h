// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/config.h"
#include "gateway/recorded_envelope.h"
#include "routing/pipeline.h"

#include <string>
#include <vector>

namespace postern::gateway {

/// What a config decides about a recorded recipient.
struct ReplayAnswer {
  Way way;
  std::string stage;   ///< the cause: that decided, or has bound the recipient to its mailboxes
  std::string reason;  ///< that stage's
  std::string copies;  ///< stage and reason of the first copy; empty: there is none
  /// The local part decides, or may, and the record has only its hash: the answer tells nothing.
  bool hidden = false;
};

/// A stage that asks policy servers, which a replay does not.
bool is_policy_stage(std::string_view stage);

/// Asks a config's pipeline about recorded envelopes, as a session would. What has to be waited for
/// is asked side by side. One thread, which it blocks; config and pipeline outlive it.
class ReplayDecider {
 public:
  ReplayDecider(const Config& config, const routing::Pipeline& pipeline)
      : config_(&config), pipeline_(&pipeline) {}
  /// The answers for all recipients, in their order.
  std::vector<ReplayAnswer> decide(const std::vector<RecordedEnvelope>& envelopes) const;

 private:
  const Config* config_;
  const routing::Pipeline* pipeline_;
};

}  // namespace postern::gateway
