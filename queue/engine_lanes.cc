// SPDX-License-Identifier: Apache-2.0
// The engine's lanes: who is next, and when.
#include "queue/engine_impl.h"
#include "queue/hop_order.h"
#include "queue/spool/errors.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

namespace postern::queue {
namespace {

/// Lanes of domains that nothing waits for any more are kept up to this many.
constexpr std::size_t kIdleLanes = 1000;
/// Messages that are looked at in one go.
constexpr std::size_t kLookedAt = 50;
/// Messages of a blocked lane whose ways are asked for again behind each failure.
constexpr std::size_t kRedirected = 1000;
/// Messages that wait in lanes and are kept in memory with their octets, at most.
constexpr std::size_t kHotMessages = 20'000;

/// A defect: the message keeps its place in the spool, and the next start tries it again.
void report_defect(const std::exception_ptr& error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    spdlog::error("a delivery ended by an exception: {}", e.what());
  }
}

/// Somebody goes through what waits in the lane, until this ends, however it does.
class LookAfter {
 public:
  explicit LookAfter(LaneBoxPtr box) : box_(std::move(box)) { box_->looked_after = true; }
  ~LookAfter() { box_->looked_after = false; }
  LookAfter(LookAfter&&) = delete;

 private:
  const LaneBoxPtr box_;
};

LanePolicy policy_for(const routing::Target& target, const RetryPolicy& retry, std::size_t pools) {
  LanePolicy policy;
  policy.retry = retry;
  policy.connections = 0;
  for (const routing::NextHop* hop : target.hops) {
    if (hop->limits.retry_first.count() != 0) policy.retry.first = hop->limits.retry_first;
    if (hop->limits.retry_max.count() != 0) policy.retry.max = hop->limits.retry_max;
    const std::size_t share = std::max<std::size_t>(
        hop->limits.connections_per_host / std::max<std::size_t>(pools, 1), 1);
    policy.connections += share * hosts_at_a_time(*hop);
    const unsigned rate = hop->limits.messages_per_minute;
    policy.messages_per_minute += rate == 0 ? 0 : std::max(rate / static_cast<unsigned>(pools), 1U);
  }
  policy.retry.max = std::max(policy.retry.max, policy.retry.first);
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
  box->others.clear();
  for (std::size_t i = 1; i < target.hops.size(); ++i)
    box->others.push_back(target.hops[i]->name);
  return box;
}

void Engine::Impl::spawn(net::Awaitable<void> job) {
  ++jobs;
  // Not inline, as co_spawn does on its own thread: the job would run within whoever pumps, a frame
  // deeper for each message, and change the lanes under whoever walks them.
  net::asio::post(executor, [self = shared_from_this(), job = std::move(job)]() mutable {
    net::asio::co_spawn(self->executor, std::move(job), [self](const std::exception_ptr& error) {
      --self->jobs;
      report_defect(error);
    });
  });
}

/// Starts what may start, and sees to it that the rest has its turn.
void Engine::Impl::pump(const LaneBoxPtr& box) {
  const spool::WallTime now = spool::wall_now();
  while (!stopping) {
    const std::optional<spool::MessageId> id = box->lane.next(now);
    if (!id) break;
    spawn(run_job(box, *id, box->lane.take_early(*id) ? Turn::early : Turn::due));
  }
  if (const auto id = stopping ? std::nullopt : box->lane.next_beside(now)) {
    spawn(run_job(box, *id, Turn::beside));
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

void Engine::Impl::finished(const LaneBoxPtr& box, LaneOutcome outcome, Turn turn) {
  if (turn == Turn::beside) {
    box->lane.finished_beside(outcome);
    pump(box);
    return;
  }
  box->lane.finished(outcome, spool::wall_now(), chance());
  const bool in_trouble = outcome == LaneOutcome::dead || outcome == LaneOutcome::slow;
  if (in_trouble && !box->looked_after) spawn(look_after_the_blocked(box));
  pump(box);
}

void Engine::Impl::hop_answers(const std::string& hop) {
  for (const auto& [name, box] : lanes) {
    const std::vector<std::string>& others = box->others;
    const bool meant = name == hop || std::find(others.begin(), others.end(), hop) != others.end();
    if (meant && box->lane.hop_answers()) pump(box);
  }
}

void Engine::hop_answers(std::string hop) {
  net::asio::post(impl_->executor,
                  [self = impl_, hop = std::move(hop)] { self->hop_answers(hop); });
}

/// Messages that wait for a dead or busy next hop are not tried: somebody must see when they are
/// too old, and when they have another way by now.
net::Awaitable<void> Engine::Impl::look_after_the_blocked(LaneBoxPtr box) {
  const auto self = shared_from_this();
  if (box->looked_after) co_return;
  std::optional<LookAfter> looks(box);
  std::vector<spool::MessageId> not_over;
  while (!stopping) {
    const spool::WallTime now = spool::wall_now();
    std::vector<spool::MessageId> ids = box->lane.take_expired(now, kLookedAt);
    const std::size_t expired = ids.size();
    const std::vector<spool::MessageId> late = box->lane.due_for_warning(now, kLookedAt);
    ids.insert(ids.end(), late.begin(), late.end());
    if (ids.empty()) break;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool waits_on = co_await examine(box, ids[i]);
      // One that was only warned about has not left the lane.
      if (waits_on && i < expired) not_over.push_back(ids[i]);
    }
  }
  for (const spool::MessageId id : not_over)
    comes_again(box, id);
  const std::vector<spool::MessageId> ids = box->lane.ready_after(box->redirected, kRedirected);
  box->redirected = ids.size() < kRedirected ? spool::MessageId() : ids.back();
  for (const spool::MessageId id : ids) {
    if (stopping || !box->lane.is_blocked(spool::wall_now())) break;
    co_await redirect(box, id);
  }
  looks.reset();
  pump(box);
}

/// `message` waits for a place in the lane; its octets stay in memory while there is room.
void Engine::Impl::wait_in_lane(const LaneBoxPtr& box, const spool::MessagePtr& message) {
  box->lane.add(message->id(), spool::WallTime());
  const bool in_memory = message->place() == spool::BodyPlace::database;
  if (in_memory && hot.size() < kHotMessages && spool.memory_octets() < options.hot_octets) {
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
