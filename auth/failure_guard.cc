// SPDX-License-Identifier: Apache-2.0
#include "auth/failure_guard.h"

#include "auth/account_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace postern::auth {
namespace {

/// One host of IPv6 has a /64 for itself.
std::string key_of(const IpAddress& client) {
  if (client.is_v4()) {
    const auto octets = client.to_v4().to_bytes();
    return {octets.begin(), octets.end()};
  }
  const auto octets = client.to_v6().to_bytes();
  return {octets.begin(), octets.begin() + 8};
}

std::uint32_t under_way(const std::unordered_map<std::string, std::uint32_t>& pending,
                        const std::string& key) {
  const auto found = pending.find(key);
  return found == pending.end() ? 0 : found->second;
}

void take_one(std::unordered_map<std::string, std::uint32_t>& pending, const std::string& key) {
  const auto found = pending.find(key);
  if (found != pending.end() && --found->second == 0) pending.erase(found);
}

}  // namespace

void WindowCounter::move_on(Entry& entry, std::chrono::seconds window, GuardClock::time_point now) {
  if (now < entry.since + window) return;
  entry.before = now < entry.since + 2 * window ? entry.now : 0;
  entry.now = 0;
  // Windows stay in step: the new one begins where the old one ended, unless that is long ago.
  entry.since = entry.before != 0 ? entry.since + window : now;
}

std::uint32_t WindowCounter::count(const std::string& key,
                                   std::chrono::seconds window,
                                   GuardClock::time_point now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return 0;
  Entry& entry = *found->second;
  move_on(entry, window, now);
  const std::chrono::duration<double> gone = now - entry.since;
  const std::chrono::duration<double> whole = window;
  const double left = std::clamp(1.0 - gone / whole, 0.0, 1.0);
  return entry.now + static_cast<std::uint32_t>(std::ceil(entry.before * left));
}

void WindowCounter::add(const std::string& key,
                        std::chrono::seconds window,
                        GuardClock::time_point now) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) {
    order_.splice(order_.begin(), order_, found->second);
    move_on(*found->second, window, now);
    ++found->second->now;
    return;
  }
  if (entries_.size() >= most_keys_) {
    entries_.erase(order_.back().key);
    order_.pop_back();
  }
  order_.push_front({key, now, 1, 0});
  entries_.emplace(order_.front().key, order_.begin());
}

FailureGuard::Attempt& FailureGuard::Attempt::operator=(Attempt&& other) noexcept {
  if (this == &other) return *this;
  failed();
  guard_ = std::exchange(other.guard_, nullptr);
  client_ = std::move(other.client_);
  name_ = std::move(other.name_);
  account_ = std::move(other.account_);
  limits_ = other.limits_;
  return *this;
}

void FailureGuard::Attempt::succeeded(std::string_view canonical) {
  if (guard_ != nullptr) guard_->end(*this, Outcome::right, canonical);
}

void FailureGuard::Attempt::failed(std::string_view canonical) {
  if (guard_ != nullptr) guard_->end(*this, Outcome::wrong, canonical);
}

void FailureGuard::Attempt::unknown() {
  if (guard_ != nullptr) guard_->end(*this, Outcome::unknown, {});
}

FailureGuard::Verdict FailureGuard::ask(const IpAddress& client, const GuardLimits& limits) {
  return failures(client, limits) >= limits.per_client.count ? Verdict::client_is_over
                                                             : Verdict::go;
}

bool FailureGuard::is_client_of(const std::string& client, const std::string& account) const {
  const std::deque<std::string>* const clients = known_.find(account);
  return clients != nullptr &&
         std::find(clients->begin(), clients->end(), client) != clients->end();
}

FailureGuard::Verdict FailureGuard::begin(const IpAddress& client,
                                          std::string_view account,
                                          const GuardLimits& limits,
                                          Attempt& out) {
  const std::string from = key_of(client);
  const std::string name = account_key(account);
  const GuardClock::time_point now = now_();
  out.failed();
  const std::lock_guard lock(mutex_);
  const std::string* const known_as = canonical_.find(name);
  const std::string& counted = known_as != nullptr ? *known_as : name;
  const Rate& of_client = limits.per_client;
  const Rate& of_account = limits.per_account;
  const std::uint32_t by_client = clients_.count(from, of_client.window, now);
  if (by_client >= of_client.count) return Verdict::client_is_over;
  if (under_way(pending_clients_, from) >= of_client.count - by_client) return Verdict::is_busy;
  if (!is_client_of(from, counted)) {
    const std::uint32_t at_account = accounts_.count(counted, of_account.window, now);
    if (at_account >= of_account.count) return Verdict::account_is_over;
    if (under_way(pending_accounts_, counted) >= of_account.count - at_account)
      return Verdict::is_busy;
  }
  ++pending_clients_[from];
  ++pending_accounts_[counted];
  out.client_ = from;
  out.account_ = counted;
  out.name_ = name;
  out.limits_ = limits;
  out.guard_ = this;
  return Verdict::go;
}

void FailureGuard::end(Attempt& attempt, Outcome outcome, std::string_view canonical) {
  attempt.guard_ = nullptr;
  const GuardClock::time_point now = now_();
  const std::lock_guard lock(mutex_);
  take_one(pending_clients_, attempt.client_);
  take_one(pending_accounts_, attempt.account_);
  if (outcome == Outcome::unknown) return;
  const std::string account = canonical.empty() ? attempt.account_ : account_key(canonical);
  if (account != attempt.name_ || canonical_.find(attempt.name_) != nullptr)
    canonical_.touch(attempt.name_) = account;
  if (outcome == Outcome::right) return keep(attempt.client_, account);
  clients_.add(attempt.client_, attempt.limits_.per_client.window, now);
  accounts_.add(account, attempt.limits_.per_account.window, now);
}

void FailureGuard::keep(const std::string& client, const std::string& account) {
  std::deque<std::string>& clients = known_.touch(account);
  const auto there = std::find(clients.begin(), clients.end(), client);
  if (there != clients.end()) clients.erase(there);
  clients.push_front(client);
  if (clients.size() > kMostClientsOfAnAccount) clients.pop_back();
}

std::uint32_t FailureGuard::failures(const IpAddress& client, const GuardLimits& limits) {
  const GuardClock::time_point now = now_();
  const std::lock_guard lock(mutex_);
  return clients_.count(key_of(client), limits.per_client.window, now);
}

}  // namespace postern::auth
