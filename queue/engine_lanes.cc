// SPDX-License-Identifier: Apache-2.0
// The engine's lanes: who is next, and when.
#include "queue/engine_impl.h"
#include "queue/spool/errors.h"

#include <boost/asio/co_spawn.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace postern::queue {
namespace {

/// Lanes of domains that nothing waits for any more are kept up to this many.
constexpr std::size_t kIdleLanes = 1000;
/// Messages that are looked at behind one failure of a dead next hop.
constexpr std::size_t kLookedAt = 50;

LanePolicy policy_for(const routing::Target& target, const RetryPolicy& retry, std::size_t pools) {
  LanePolicy policy;
  policy.retry = retry;
  policy.connections = 0;
  for (const routing::NextHop* hop : target.hops) {
    const std::size_t share = std::max<std::size_t>(
        hop->limits.connections_per_host / std::max<std::size_t>(pools, 1), 1);
    policy.connections += share * std::max<std::size_t>(hop->hosts.size(), 1);
    policy.messages_per_minute += hop->limits.messages_per_minute;
  }
  if (target.hops.empty()) {
    policy.connections = routing::NextHopLimits().connections_per_host / pools;
  }
  return policy;
}

}  // namespace

LaneBoxPtr Engine::Impl::lane(const std::string& name) {
  const auto found = lanes.find(name);
  if (found != lanes.end()) return found->second;
  if (lanes.size() >= kIdleLanes) {
    std::erase_if(lanes, [](const auto& entry) { return entry.second->lane.is_idle(); });
  }
  LanePolicy policy;
  policy.retry = options.routing().retry;
  policy.connections = std::max<std::size_t>(policy.connections / options.pools, 1);
  const auto box = std::make_shared<LaneBox>(executor, name, policy);
  lanes.emplace(name, box);
  return box;
}

LaneBoxPtr Engine::Impl::lane(const routing::Target& target, const RoutingView& view) {
  LaneBoxPtr box = lane(target.name());
  box->lane.set_policy(policy_for(target, view.retry, options.pools));
  return box;
}

void Engine::Impl::spawn(net::Awaitable<void> job) {
  ++jobs;
  net::asio::co_spawn(
      executor, std::move(job), [self = shared_from_this()](const std::exception_ptr& error) {
        --self->jobs;
        if (!error) return;
        // A defect: the message keeps its place in the spool, and the next start tries it again.
        try {
          std::rethrow_exception(error);
        } catch (const std::exception& e) {
          spdlog::error("a delivery ended by an exception: {}", e.what());
        }
      });
}

/// Starts what may start, and sees to it that the rest has its turn.
void Engine::Impl::pump(const LaneBoxPtr& box) {
  const spool::WallTime now = spool::wall_now();
  while (!stopping) {
    const std::optional<spool::MessageId> id = box->lane.next(now);
    if (!id) break;
    spawn(run_job(box, *id, box->lane.take_early(*id)));
  }
  arm(box);
}

void Engine::Impl::arm(const LaneBoxPtr& box) {
  const spool::WallTime at = box->lane.wake();
  if (stopping || at == box->armed_for) return;
  box->armed_for = at;
  if (at == spool::WallTime::max()) {
    box->timer.cancel();
    return;
  }
  box->timer.expires_after(std::max(at - spool::wall_now(), spool::WallTime::duration(0)));
  box->timer.async_wait([weak = weak_from_this(), box](const net::error_code& ec) {
    const std::shared_ptr<Impl> self = weak.lock();
    if (ec || !self) return;
    box->armed_for = spool::WallTime::max();
    self->pump(box);
  });
}

void Engine::Impl::finished(const LaneBoxPtr& box, LaneOutcome outcome) {
  box->lane.finished(outcome, spool::wall_now(), chance());
  if (outcome == LaneOutcome::dead) look_after_the_blocked(box);
  pump(box);
}

/// Messages that wait for a dead next hop are not tried: somebody must see when they are too old.
void Engine::Impl::look_after_the_blocked(const LaneBoxPtr& box) {
  const spool::WallTime now = spool::wall_now();
  for (const spool::MessageId id : box->lane.take_expired(now, kLookedAt))
    spawn(examine(box, id));
  for (const spool::MessageId id : box->lane.due_for_warning(now, kLookedAt))
    spawn(examine(box, id));
}

void Engine::Impl::wait_in_lane(const LaneBoxPtr& box, const spool::MessagePtr& message) {
  box->lane.add(message->id(), spool::WallTime());
  if (spool.memory_octets() < options.hot_octets) {
    hot[message->id().value()] = message;
  } else {
    message->forget_body();
  }
}

net::Awaitable<Result<spool::MessagePtr>> Engine::Impl::get(spool::MessageId id) {
  const auto found = hot.find(id.value());
  if (found != hot.end()) {
    spool::MessagePtr message = std::move(found->second);
    hot.erase(found);
    if (message->stage() == spool::Message::Stage::gone) {
      co_return make_error_code(spool::Errc::not_found);
    }
    co_return message;
  }
  Result<spool::MessagePtr> loaded = co_await spool.load(id);
  co_return loaded;
}

}  // namespace postern::queue
