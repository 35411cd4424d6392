// SPDX-License-Identifier: Apache-2.0
// A cut-through letter that turns out to need the queue: copies, or a recipient that drops out once
// the header is there, since a transaction that has begun cannot lose one.
#include "gateway/letter.h"
#include "gateway/stored_letter.h"
#include "smtp/replies.h"

#include <algorithm>

namespace postern::gateway {

Letter::Stored Letter::make_stored() const {
  return std::make_unique<StoredLetter>(runtime_, listener_, session_, sender_, tools_);
}

bool Letter::has_come_back(const routing::MessageFacts& facts) const {
  if (facts.trace_fields.empty()) return false;
  return std::any_of(accepted_.begin(), accepted_.end(), [&](const Accepted& a) {
    if (a.decision.kind != routing::DecisionKind::route) return false;
    routing::Decision decision = a.decision;
    const routing::Request request = request_for(a.address);
    runtime_->snapshot->pipeline().judge(request, decision, facts, nullptr);
    return decision.kind == routing::DecisionKind::discard;
  });
}

net::Awaitable<void> Letter::store_from_header() {
  drop_delivery();
  Stored stored = make_stored();
  // While it has no recipients it has nothing to log either, should there be no room.
  const smtp::Reply begun = co_await stored->begin_message();
  if (!begun.is_positive()) {
    failure_ = begun;
    co_return;
  }
  for (const Accepted& a : accepted_) {
    const smtp::Recipient recipient{a.address, a.parameters};
    routing::Decision decision = a.decision;
    co_await stored->take(recipient, std::move(decision));  // what was accepted stays accepted
  }
  recording_.drop();
  settled_ = true;  // the stored letter's own lines tell it
  stored_ = std::move(stored);
  const std::string octets = std::move(header_);
  header_ = std::string();
  co_await stored_->write(octets);
}

}  // namespace postern::gateway
