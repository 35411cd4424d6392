// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gateway/recorded_envelope.h"

#include <string>

namespace postern::gateway {

/// An envelope as a session of the listener "mx" would have recorded it: one recipient, whom the
/// stage "custom_route" has sent to `hop` under the same address.
inline RecordedEnvelope routed(const std::string& recipient, const std::string& hop) {
  RecordedEnvelope out;
  out.time = std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::hours(24 * 20'000));
  out.client = *parse_ip("192.0.2.1");
  out.listener = "mx";
  out.sender = smtp::Mailbox("boss", "corp.com");
  RecordedRecipient one;
  const std::size_t at = recipient.rfind('@');
  one.address = smtp::Mailbox(recipient.substr(0, at), recipient.substr(at + 1));
  one.way.kind = routing::DecisionKind::route;
  one.way.hop = hop;
  one.way.recipient_out = one.address;
  one.way.stage = "custom_route";
  out.recipients.push_back(one);
  return out;
}

}  // namespace postern::gateway
