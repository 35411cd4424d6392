// SPDX-License-Identifier: Apache-2.0
#include "auth/failure_guard.h"

#include "auth/account_table.h"

#include <algorithm>
#include <cmath>

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

void WindowCounter::take_back(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  std::uint32_t& last = entry.now > 0 ? entry.now : entry.before;
  if (last > 0) --last;
  if (entry.now > 0 || entry.before > 0) return;
  const auto place = found->second;
  entries_.erase(found);
  order_.erase(place);
}

FailureGuard::Verdict FailureGuard::ask(const IpAddress& client,
                                        const GuardLimits& limits,
                                        GuardClock::time_point now) {
  const std::lock_guard lock(mutex_);
  const Rate& rate = limits.per_client;
  return clients_.count(key_of(client), rate.window, now) >= rate.count ? Verdict::client_is_over
                                                                        : Verdict::go;
}

bool FailureGuard::is_client_of(const std::string& client, const std::string& account) const {
  const auto found = known_.find(account);
  return found != known_.end() &&
         std::find(found->second.begin(), found->second.end(), client) != found->second.end();
}

FailureGuard::Verdict FailureGuard::begin(const IpAddress& client,
                                          std::string_view account,
                                          const GuardLimits& limits,
                                          GuardClock::time_point now) {
  const std::string from = key_of(client);
  const std::string name = account_key(account);
  const std::lock_guard lock(mutex_);
  const Rate& of_client = limits.per_client;
  const Rate& of_account = limits.per_account;
  if (clients_.count(from, of_client.window, now) >= of_client.count)
    return Verdict::client_is_over;
  if (accounts_.count(name, of_account.window, now) >= of_account.count &&
      !is_client_of(from, name))
    return Verdict::account_is_over;
  clients_.add(from, of_client.window, now);
  accounts_.add(name, of_account.window, now);
  return Verdict::go;
}

void FailureGuard::succeeded(const IpAddress& client, std::string_view account) {
  unknown(client, account);
  const std::string from = key_of(client);
  const std::lock_guard lock(mutex_);
  std::deque<std::string>& clients = known_[account_key(account)];
  const auto there = std::find(clients.begin(), clients.end(), from);
  if (there != clients.end()) clients.erase(there);
  clients.push_front(from);
  if (clients.size() > kMostClientsOfAnAccount) clients.pop_back();
}

void FailureGuard::unknown(const IpAddress& client, std::string_view account) {
  const std::lock_guard lock(mutex_);
  clients_.take_back(key_of(client));
  accounts_.take_back(account_key(account));
}

std::uint32_t FailureGuard::failures(const IpAddress& client,
                                     const GuardLimits& limits,
                                     GuardClock::time_point now) {
  const std::lock_guard lock(mutex_);
  return clients_.count(key_of(client), limits.per_client.window, now);
}

}  // namespace postern::auth
