// SPDX-License-Identifier: Apache-2.0
#include "gateway/letter_copies.h"

#include <algorithm>
#include <utility>

namespace postern::gateway {
namespace {

using routing::CopyKind;

smtp::RcptParameters parameters_for(const routing::Copy& copy, const smtp::Recipient& of) {
  smtp::RcptParameters out;
  if (copy.kind == CopyKind::journal) {
    out.notify.never = true;
    return out;
  }
  out = of.parameters;
  const bool only_success = out.notify.success && !out.notify.failure && !out.notify.delay;
  out.notify.success = false;
  if (only_success) out.notify.never = true;
  return out;
}

}  // namespace

std::vector<LetterRecipient> copies_of(const std::vector<LetterRecipient>& recipients) {
  std::vector<LetterRecipient> out;
  for (const LetterRecipient& one : recipients) {
    if (one.decision.kind != routing::DecisionKind::route) continue;
    for (const routing::Copy& copy : one.decision.also) {
      const auto same = [&copy](const LetterRecipient& made) {
        return made.decision.copy == copy.kind && made.decision.target == copy.target &&
               made.decision.recipient_out == copy.recipient_out;
      };
      if (std::any_of(out.begin(), out.end(), same)) continue;
      out.push_back(LetterRecipient{
          smtp::Recipient{copy.recipient_out, parameters_for(copy, one.address)},
          routing::decision_of(copy),
          one.address.address
      });
    }
  }
  return out;
}

}  // namespace postern::gateway
