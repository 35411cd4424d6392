// SPDX-License-Identifier: Apache-2.0
#include "queue/engine.h"

#include "queue/engine_impl.h"
#include "queue/spool/errors.h"
#include "smtp/replies.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace postern::queue {
namespace {

using smtp::Reply;

Reply taken() {
  return Reply(250, {2, 0, 0}, "message taken"_text);
}

/// What a client is told whose recipients are all refused: about one that it named, not a copy.
Reply refusal_of(const std::vector<GroupResult>& refused) {
  for (const GroupResult& group : refused) {
    for (std::size_t i = 0; i < group.group.recipients.size(); ++i) {
      const bool named = group.group.recipients[i].decision.copy == routing::CopyKind::none;
      if (named) return group.attempted.replies[i];
    }
  }
  return refused.front().attempted.replies.front();
}

/// The message wants less of TLS than the target's own level, and the config lets it.
bool is_waived(const spool::Message& message, const routing::Target& target) {
  if (!message.tls_not_required()) return false;
  if (target.hops.empty()) {
    const routing::TlsPolicy* const policy = target.tls_policy;
    return policy != nullptr && routing::yields_to_sender(policy->tls, policy->settings);
  }
  return std::any_of(target.hops.begin(), target.hops.end(), [](const routing::NextHop* hop) {
    return hop->login.user.empty() && routing::yields_to_sender(hop->tls, hop->tls_settings);
  });
}

}  // namespace

Engine::Impl::Impl(net::Executor on, spool::Spool& in, HopPool& over, EngineOptions how)
    : executor(on),
      spool(in),
      pool(over),
      options(std::move(how)),
      random(std::random_device()()),
      storm(options.storm ? options.storm
                          : std::make_shared<dsn::StormGuard>(EngineOptions::kReportsPerMinute)) {}

// ---- fresh messages ----

net::Awaitable<Accepted> Engine::Impl::accept(spool::Draft draft,
                                              spool::Envelope envelope,
                                              std::vector<Routed> routed,
                                              RoutingView view,
                                              Promise promise) {
  const auto self = shared_from_this();
  for (const Routed& r : routed) {
    if (r.decision.kind != routing::DecisionKind::route) continue;
    spool::Recipient& recipient = envelope.recipients[r.index];
    recipient.lane = r.decision.target.name();
    recipient.due = envelope.received;
  }
  std::vector<Group> groups = take_groups(routed);
  const auto race = std::make_shared<Race>(executor);
  // Where the disk is full one recipient may have it, and nothing be promised for another, also one
  // of the same next hop or one that no stage routes: it goes to none before it is stored.
  const bool alone = routed.empty() && groups.size() == 1 && groups.front().recipients.size() == 1;
  const bool sure = alone || spool.health() == spool::Health::good;
  const bool at_once = promise == Promise::stored_or_delivered && sure;
  spool::Done done = [self, race](std::error_code error) {
    net::asio::dispatch(self->executor, [self, race, error] { self->committed(race, error); });
  };
  race->message = spool.commit(std::move(draft),
                               std::move(envelope),
                               std::move(done),
                               at_once ? grace_for(groups, view) : std::chrono::microseconds(0));
  Accepted out{taken(), race->message};
  if (at_once && !race->decided) launch(race->message, std::exchange(groups, {}), view, race);
  while (!race->decided) {
    co_await race->event.async_wait(net::as_result);
  }
  race->waiting = false;
  if (race->refusal.code() != 0) {
    out.reply = race->refusal;
    co_return out;
  }
  if (!race->safe) {
    withdraw(*race);
    out.reply = smtp::replies::no_storage();
    co_return out;
  }
  for (GroupResult& refused : race->held)
    spawn(conclude(std::move(refused)));
  race->held.clear();
  if (!routed.empty()) spawn(settle_unrouted(race->message, std::move(routed), view));
  launch(race->message, std::move(groups), view, nullptr);
  co_return out;
}

/// Deliveries of what may start; the rest waits in its lane.
void Engine::Impl::launch(const spool::MessagePtr& message,
                          std::vector<Group> groups,
                          const RoutingView& view,
                          const RacePtr& race) {
  for (Group& group : groups) {
    const LaneBoxPtr box = lane(group.target, view);
    const bool starts = !stopping && box->lane.try_start(spool::wall_now());
    Result<spool::Lease> lease = make_error_code(spool::Errc::leased);
    if (starts) lease = message->lease(indices_of(group));
    if (starts && lease) {
      if (race) ++race->under_way;
      spawn(deliver_fresh(GroupResult{box, std::move(*lease), std::move(group), {}, view}, race));
      continue;
    }
    if (starts) finished(box, LaneOutcome::nothing);
    if (race) race->others = true;
    wait_in_lane(box, message);
    // What stops the others may be TLS, which this one can do without.
    if (box->lane.is_broken() && is_waived(*message, group.target))
      box->lane.try_beside(message->id());
    pump(box);
  }
}

void Engine::Impl::committed(const RacePtr& race, std::error_code error) {
  // Whoever withdraws it decides.
  if (race->decided || error == make_error_code(spool::Errc::cancelled)) return;
  race->safe = !error;
  race->error = error;
  if (race->safe) {
    race->decide();
  } else if (!pass_refusal_back(race)) {
    not_stored(race);
  }
}

void Engine::Impl::group_ended(const RacePtr& race) {
  if (--race->under_way != 0 || race->decided) return;
  if (!pass_refusal_back(race) && race->error) not_stored(race);
}

/// Everybody has refused it, and it is not stored (yet): that is its client's reply, and nothing
/// ever is. False: it is not so.
bool Engine::Impl::pass_refusal_back(const RacePtr& race) {
  if (race->under_way > 0 || race->others || race->held.empty()) return false;
  if (!race->message->withdraw()) return false;
  race->refusal = refusal_of(race->held);
  for (const GroupResult& refused : race->held) {
    for (std::size_t i = 0; i < refused.group.recipients.size(); ++i) {
      const Routed& r = refused.group.recipients[i];
      DeliveryEvent event;
      event.outcome = DeliveryEvent::Outcome::refused;
      event.message = race->message;
      event.index = r.index;
      event.decision = &r.decision;
      event.report = &refused.attempted.report;
      event.reply = refused.attempted.replies[i];
      log(event);
    }
  }
  race->held.clear();
  race->decide();
  return true;
}

/// How long the commit leaves a delivery alone that is under way or has its turn in a moment: as
/// long as such a delivery usually takes with those before it, and not at all where that is longer
/// than a sync.
std::chrono::microseconds Engine::Impl::grace_for(const std::vector<Group>& groups,
                                                  const RoutingView& view) {
  double longest = 0;
  for (const Group& group : groups) {
    const LaneBoxPtr box = lane(group.target, view);
    const auto window = static_cast<double>(box->lane.window());
    const auto before = static_cast<double>(box->lane.waiting());
    if (box->lane.is_blocked(spool::wall_now()) || before >= window) return {};
    longest = std::max(longest, box->delivery_us * (1 + before / window));
  }
  const auto most = static_cast<double>(options.longest_grace.count());
  if (groups.empty() || longest > most) return {};
  return std::chrono::microseconds(static_cast<std::int64_t>(std::min(most, 2 * longest + 1000)));
}

// ---- the face ----

Engine::Engine(net::Executor executor, spool::Spool& spool, HopPool& pool, EngineOptions options)
    : impl_(std::make_shared<Impl>(executor, spool, pool, std::move(options))) {}

Engine::~Engine() {
  stop();
}

net::Awaitable<Accepted> Engine::accept(spool::Draft draft,
                                        spool::Envelope envelope,
                                        std::vector<Routed> routed,
                                        RoutingView view,
                                        Promise promise) {
  Accepted accepted = co_await impl_->accept(
      std::move(draft), std::move(envelope), std::move(routed), std::move(view), promise);
  co_return accepted;
}

std::vector<Engine::Recovered> Engine::waiting_of(spool::MessageId id,
                                                  const spool::Envelope& envelope) {
  std::vector<Recovered> out;
  if (envelope.held) return out;
  for (const spool::Recipient& r : envelope.recipients) {
    if (r.fate != spool::Fate::pending) continue;
    const auto same = [&r](const Recovered& one) { return one.lane == r.lane; };
    const auto known = std::find_if(out.begin(), out.end(), same);
    if (known == out.end()) {
      out.push_back({id, r.lane, r.due});
    } else {
      known->due = std::min(known->due, r.due);
    }
  }
  return out;
}

void Engine::post_recovered(std::vector<Recovered> batch) {
  net::asio::post(impl_->executor, [self = impl_, batch = std::move(batch)] {
    for (const Recovered& one : batch)
      self->lane(one.lane)->lane.add(one.id, one.due);
    for (const auto& [name, box] : self->lanes)
      self->pump(box);
  });
}

void Engine::stop_waiting() {
  impl_->waits_for_room = false;
}

void Engine::stop() {
  impl_->stopping = true;
  for (const auto& [name, box] : impl_->lanes)
    box->timer.cancel();
}

bool Engine::is_quiet() const {
  return impl_->jobs == 0;
}

std::vector<Engine::LaneStats> Engine::lanes() const {
  std::vector<LaneStats> out;
  const spool::WallTime now = spool::wall_now();
  for (const auto& [name, box] : impl_->lanes) {
    const Lane& lane = box->lane;
    out.push_back({name,
                   lane.waiting(),
                   lane.running(),
                   lane.window(),
                   lane.is_blocked(now),
                   lane.blocked_until(),
                   lane.is_broken()});
  }
  return out;
}

const HopPool& Engine::pool() const {
  return impl_->pool;
}

}  // namespace postern::queue
