// SPDX-License-Identifier: Apache-2.0
#include "tls/session_cache.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

namespace postern::tls {

void SessionCache::Free::operator()(SSL_SESSION* session) const {
  SSL_SESSION_free(session);
}

SessionCache::SessionCache() : SessionCache(Limits()) {}
SessionCache::SessionCache(const Limits& limits) : limits_(limits) {}
SessionCache::~SessionCache() = default;

void SessionCache::put(const std::string& key,
                       SessionPtr session,
                       const PeerOutcome& outcome,
                       net::TimePoint verified_at) {
  if (SSL_SESSION_is_resumable(session.get()) != 1) return;
  const std::chrono::seconds said(SSL_SESSION_get_timeout(session.get()));
  const net::TimePoint now = net::Clock::now();
  const net::TimePoint until = std::min<net::TimePoint>(now + said, verified_at + limits_.lifetime);
  if (until <= now) return;
  const auto [slot, is_new] = slots_.try_emplace(key);
  if (is_new) {
    slot->second.place = order_.insert(order_.end(), key);
  } else {
    order_.splice(order_.end(), order_, slot->second.place);
  }
  std::list<Entry>& entries = slot->second.entries;
  entries.push_back(Entry{std::move(session), outcome, verified_at, until});
  ++sessions_;
  if (entries.size() > limits_.per_key) {
    entries.pop_front();
    --sessions_;
  }
  if (slots_.size() > limits_.keys) erase(slots_.find(order_.front()));
}

SessionCache::Entry SessionCache::take(const std::string& key) {
  Entry out;
  const auto slot = slots_.find(key);
  if (slot == slots_.end()) return out;
  std::list<Entry>& entries = slot->second.entries;
  out = std::move(entries.back());
  entries.pop_back();
  --sessions_;
  if (entries.empty()) {
    erase(slot);
  } else {
    order_.splice(order_.end(), order_, slot->second.place);
  }
  if (out.until <= net::Clock::now()) {
    // What is left of the key came before it, and is hardly better.
    forget(key);
    return {};
  }
  return out;
}

void SessionCache::forget(const std::string& key) {
  const auto slot = slots_.find(key);
  if (slot != slots_.end()) erase(slot);
}

void SessionCache::erase(std::unordered_map<std::string, Slot>::iterator slot) {
  sessions_ -= slot->second.entries.size();
  order_.erase(slot->second.place);
  slots_.erase(slot);
}

}  // namespace postern::tls
