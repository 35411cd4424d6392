// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_health.h"

#include <algorithm>
#include <utility>

namespace postern::queue {
namespace {

constexpr std::size_t kMostUses = 16;  ///< of one address that are remembered
constexpr unsigned kMostLevel = 20;

void note_use(HostState& state, const HostUse& use) {
  if (use.hop.empty() || state.uses.size() >= kMostUses) return;
  if (std::find(state.uses.begin(), state.uses.end(), use) != state.uses.end()) return;
  state.uses.push_back(use);
}

}  // namespace

net::TimePoint HostState::seen() const {
  const net::TimePoint probed = probe ? probe->at : net::TimePoint();
  return std::max({answered_at, failed_at, probed});
}

HopHealth::HopHealth(const HealthPolicy& policy) : policy_(policy) {}

net::TimePoint HopHealth::avoided_until(const net::Endpoint& host, net::TimePoint now) const {
  if (now >= latest_.load(std::memory_order_acquire)) return {};
  const std::scoped_lock lock(mutex_);
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return {};
  const net::TimePoint until = found->second.avoided_until();
  return until > now ? until : net::TimePoint();
}

void HopHealth::failed(const net::Endpoint& host,
                       const HostUse& use,
                       const HostFailure& failure,
                       net::TimePoint now) {
  const std::scoped_lock lock(mutex_);
  HostState& state = at(host, use);
  const bool known = state.failed_at != net::TimePoint() && failure.began < state.failed_at;
  state.failure = failure.text;
  if (known) return;
  // Twice the longest penalty without a failure: that one was another trouble.
  if (now - state.failed_at > 2 * policy_.longest) state.level = 0;
  state.failed_at = now;
  const bool is_penalised = state.penalised_until > now;
  state.beyond_probes = failure.in_session || (is_penalised && state.beyond_probes);
  std::chrono::seconds penalty = policy_.first;
  if (!failure.busy) {
    state.level = std::min(state.level + 1, kMostLevel);
    for (unsigned i = 1; i < state.level && penalty < policy_.longest; ++i)
      penalty *= 2;
    if (penalty >= policy_.longest) --state.level;
  }
  penalty = std::min(penalty, policy_.longest);
  state.penalised_until = std::max(state.penalised_until, now + penalty);
  find_latest();
}

void HopHealth::answered(const net::Endpoint& host, const HostUse& use, net::TimePoint now) {
  const std::scoped_lock lock(mutex_);
  // Of the MX hosts of the world those alone are remembered that are in trouble.
  if (use.hop.empty() && !hosts_.contains(host)) return;
  HostState& state = at(host, use);
  state.answered_at = now;
  is_well(state);
}

bool HopHealth::probed(const net::Endpoint& host,
                       const HostUse& use,
                       HostState::Probe probe,
                       net::TimePoint lapses) {
  const std::scoped_lock lock(mutex_);
  HostState& state = at(host, use);
  if (probe.good) {
    state.answered_at = probe.at;
    if (state.beyond_probes && state.penalised_until > probe.at) {
      state.down_until = {};
      find_latest();
    } else {
      is_well(state);
    }
  } else {
    state.failed_at = probe.at;
    state.failure = probe.failure;
    state.down_until = lapses;
    find_latest();
  }
  const bool changed = state.probe ? state.probe->good != probe.good : !probe.good;
  state.probe = std::move(probe);
  return changed;
}

void HopHealth::end_probes(const HostUse& use) {
  const std::scoped_lock lock(mutex_);
  for (auto& [host, state] : hosts_) {
    if (std::find(state.uses.begin(), state.uses.end(), use) == state.uses.end()) continue;
    state.down_until = {};
    state.probe.reset();
  }
  find_latest();
}

std::map<net::Endpoint, HostState> HopHealth::all() const {
  const std::scoped_lock lock(mutex_);
  return hosts_;
}

HostState& HopHealth::at(const net::Endpoint& host, const HostUse& use) {
  if (hosts_.size() >= policy_.hosts && !hosts_.contains(host)) evict();
  HostState& state = hosts_[host];
  note_use(state, use);
  return state;
}

void HopHealth::evict() {
  const auto less_worth = [](const auto& a, const auto& b) {
    const bool a_named = !a.second.uses.empty();
    const bool b_named = !b.second.uses.empty();
    return a_named != b_named ? b_named : a.second.seen() < b.second.seen();
  };
  const auto least = std::min_element(hosts_.begin(), hosts_.end(), less_worth);
  if (least != hosts_.end()) hosts_.erase(least);
}

void HopHealth::is_well(HostState& state) {
  const bool was_avoided = state.avoided_until() != net::TimePoint();
  state.level /= 2;
  state.penalised_until = {};
  state.beyond_probes = false;
  state.down_until = {};
  if (was_avoided) find_latest();
}

void HopHealth::find_latest() {
  net::TimePoint latest;
  for (const auto& [host, state] : hosts_)
    latest = std::max(latest, state.avoided_until());
  latest_.store(latest, std::memory_order_release);
}

}  // namespace postern::queue
