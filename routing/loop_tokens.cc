// SPDX-License-Identifier: Apache-2.0
// R13 where the gateway itself sends a mailbox's message to two places (dual delivery): the copies
// bear a token, and one that comes back through X is known.
#include "routing/loop_tokens.h"

#include "routing/pipeline.h"

#include <algorithm>

namespace postern::routing {
namespace {

constexpr std::string_view kLoopGuard = "loop_guard";

}  // namespace

bool is_traced(const Target& target) {
  return !target.hops.empty() && (target.hops.front()->behaves == Behaviour::exchange ||
                                  target.hops.front()->behaves == Behaviour::vk_workspace);
}

std::string Pipeline::loop_tokens(const std::vector<const Decision*>& recipients,
                                  const MessageFacts& facts) const {
  std::string out;
  const std::string& message = facts.by_id.empty() ? facts.by_date : facts.by_id;
  if (message.empty()) return out;
  std::vector<TraceHex> mailboxes;
  for (const Decision* decision : recipients) {
    if (decision->kind != DecisionKind::route || !is_traced(decision->target)) continue;
    const auto own = is_doubled(*decision) ? mailbox_hash(decision->recipient_out) : std::nullopt;
    if (own) mailboxes.push_back(*own);
    // A journal has a letter once, also where it passes twice (S4).
    for (const Copy& copy : decision->also) {
      const bool journal = copy.kind == CopyKind::journal;
      const auto archive = journal ? mailbox_hash(copy.recipient_out) : std::nullopt;
      if (archive) mailboxes.push_back(*archive);
    }
  }
  std::sort(mailboxes.begin(), mailboxes.end());
  mailboxes.erase(std::unique(mailboxes.begin(), mailboxes.end()), mailboxes.end());
  for (const TraceHex& mailbox : mailboxes)
    out += tracer_->token(mailbox, message);
  return out;
}

void Pipeline::judge(const Request& request,
                     Decision& decision,
                     const MessageFacts& facts,
                     unsigned* forged) const {
  smtp::Reply verdict = check_message(request, decision, facts, forged);
  if (decision.kind != DecisionKind::route) return;
  const bool may_have_token = guards_loops_ && !facts.trace_fields.empty();
  const auto mailbox = may_have_token ? mailbox_hash(decision.recipient_out) : std::nullopt;
  Tracer::Passes passes(*tracer_, facts);
  if (mailbox && passes.has_token(*mailbox)) {
    decision.trace.push_back(TraceStep{kLoopGuard,
                                       "discard",
                                       "a copy that comes back: this gateway has sent this message "
                                       "to this mailbox itself (R13)"_text});
    decision.kind = DecisionKind::discard;
    decision.stage = kLoopGuard;
    decision.also.clear();
  } else if (!verdict.is_positive()) {
    decision.kind = DecisionKind::reject;
    decision.reply = std::move(verdict);
    decision.also.clear();
  }
}

}  // namespace postern::routing
