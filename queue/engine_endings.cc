// SPDX-License-Identifier: Apache-2.0
// What becomes of recipients without a delivery: refused by a stage, too old, or late.
#include "queue/engine_impl.h"
#include "queue/spool/errors.h"

#include <utility>

namespace postern::queue {
namespace {

using smtp::Reply;
using spool::Fate;
using spool::WallTime;
using Outcome = DeliveryEvent::Outcome;

}  // namespace

/// Something waits for a dead next hop: is it too old, or is its sender to be warned?
net::Awaitable<bool> Engine::Impl::examine(LaneBoxPtr box, spool::MessageId id) {
  const auto self = shared_from_this();
  Result<spool::MessagePtr> got = co_await get(id);
  if (!got) co_return got.error() == make_error_code(spool::Errc::read_failed);
  const spool::MessagePtr message = *got;
  const WallTime now = spool::wall_now();
  const RoutingView view = options.routing();
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < message->recipients(); ++i) {
    const spool::Recipient r = message->recipient(i);
    if (r.fate == Fate::pending && r.lane == box->lane.name()) indices.push_back(i);
  }
  Result<spool::Lease> lease = make_error_code(spool::Errc::settled);
  if (!indices.empty()) lease = message->lease(indices);
  if (!lease) co_return !indices.empty();
  if (end_of_life(*message, view.retry) <= now) {
    co_await give_up(box, std::move(*lease), view);
    co_return false;
  }
  std::vector<dsn::ReportedRecipient> late;
  std::vector<std::uint32_t> warned;
  for (const std::uint32_t index : indices) {
    const spool::Recipient r = message->recipient(index);
    if (r.warned) continue;
    late.push_back(reported(*message, index, dsn::Action::delayed, r.last_reply, nullptr, nullptr));
    late.back().host = r.last_host;
    late.back().will_retry_until = end_of_life(*message, view.retry);
    warned.push_back(index);
  }
  if (late.empty()) co_return true;
  const bool told = co_await report(message, std::move(late), view);
  for (const std::uint32_t index : warned) {
    if (told) lease->mark_warned(index);
  }
  co_return true;
}

/// Recipients that the stages do not route (any more), or that circle (R13).
net::Awaitable<void> Engine::Impl::settle_unrouted(spool::MessagePtr message,
                                                   std::vector<Routed> routed,
                                                   RoutingView view) {
  const auto self = shared_from_this();
  std::vector<std::uint32_t> indices;
  for (const Routed& r : routed)
    indices.push_back(r.index);
  Result<spool::Lease> lease = message->lease(indices);
  if (!lease) {
    // An operator has one of them, or has ended it; the others must be somewhere.
    comes_again(lane(message->recipient(indices.front()).lane), message->id());
    co_return;
  }
  std::vector<dsn::ReportedRecipient> told;
  for (const Routed& r : routed) {
    if (r.decision.kind != routing::DecisionKind::reject) continue;
    told.push_back(
        reported(*message, r.index, dsn::Action::failed, r.decision.reply, &r.decision, nullptr));
  }
  bool may_fail = true;
  if (!told.empty()) {
    may_fail = co_await report(message, std::move(told), view);
  }
  const WallTime now = spool::wall_now();
  const double moved = chance();
  for (const Routed& r : routed) {
    DeliveryEvent event;
    event.message = message;
    event.index = r.index;
    event.decision = &r.decision;
    event.reply = r.decision.reply;
    const spool::Attempt said{r.decision.reply, {}, true};
    if (r.decision.kind == routing::DecisionKind::discard) {
      lease->settle(r.index, Fate::discarded, said);
      event.outcome = Outcome::discarded;
    } else if (r.decision.kind == routing::DecisionKind::reject && may_fail) {
      lease->settle(r.index, Fate::failed, said);
      event.outcome = outcome_of_failure(*message, r.index);
    } else {
      const spool::Recipient r_now = message->recipient(r.index);
      event.next_try = now + view.retry.pause(r_now.attempts + 1, moved);
      event.outcome = Outcome::deferred;
      lease->reschedule(r.index, event.next_try, r_now.lane, said);
      lane(r_now.lane)->lane.add(message->id(), event.next_try);
      arm(lane(r_now.lane));
    }
    log(event);
  }
}

/// The lifetime is over: what the next hop said last is what the sender is told.
net::Awaitable<void> Engine::Impl::give_up(LaneBoxPtr box, spool::Lease lease, RoutingView view) {
  const auto self = shared_from_this();
  const spool::MessagePtr message = lease.message();
  const std::vector<std::uint32_t> indices = lease.indices();
  std::vector<dsn::ReportedRecipient> told;
  for (const std::uint32_t index : indices) {
    const spool::Recipient r = message->recipient(index);
    const bool tried_before = r.last_reply.code() != 0;
    const Reply reply =
        tried_before ? r.last_reply
                     : Reply(451, {4, 4, 7}, "the next hop could not be reached in time"_text);
    told.push_back(reported(*message, index, dsn::Action::failed, reply, nullptr, nullptr));
    told.back().host = r.last_host;
    told.back().next_hop = box->lane.name();
  }
  const bool may_fail = co_await report(message, std::move(told), view);
  for (const std::uint32_t index : indices) {
    const spool::Recipient r = message->recipient(index);
    DeliveryEvent event;
    event.message = message;
    event.index = index;
    event.reply = r.last_reply;
    event.attempts = r.attempts;
    if (may_fail) {
      lease.settle(index, Fate::failed, spool::Attempt{r.last_reply, r.last_host, false});
      event.outcome = outcome_of_failure(*message, index);
    } else {
      event.next_try = spool::wall_now() + view.retry.first;
      event.outcome = Outcome::deferred;
      lease.reschedule(index, event.next_try, r.lane, spool::Attempt{{}, {}, false});
      box->lane.add(message->id(), event.next_try);
    }
    log(event);
  }
  arm(box);
}

}  // namespace postern::queue
