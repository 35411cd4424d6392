// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "tls/peer_check.h"

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

struct ssl_session_st;  // openssl/ssl.h

namespace postern::tls {

/// Sessions with servers that can be resumed, by a key of the caller's: host and policy, so that a
/// session is never resumed under another policy than the one that it was made under. Bounded; the
/// key that was used least recently goes first. One thread's, whose streams share it.
class SessionCache {
 public:
  struct Limits {
    std::size_t keys = 1000;
    std::size_t per_key = 4;              ///< TLS 1.3 servers send several tickets
    std::chrono::seconds lifetime{3600};  ///< a certificate is verified again after so long at most
  };
  struct Free {
    void operator()(ssl_session_st* session) const;
  };
  using SessionPtr = std::unique_ptr<ssl_session_st, Free>;
  /// A session, and what the handshake that made it found.
  struct Entry {
    SessionPtr session;  ///< null: there is none
    PeerOutcome outcome;
    net::TimePoint verified_at;  ///< of the full handshake that `outcome` is of
    net::TimePoint until;
  };

  SessionCache();
  explicit SessionCache(const Limits& limits);
  ~SessionCache();
  SessionCache(SessionCache&&) = delete;

  /// `verified_at`: when the certificate was looked at; a resumed handshake brings sessions whose
  /// certificate was looked at long ago.
  void put(const std::string& key,
           SessionPtr session,
           const PeerOutcome& outcome,
           net::TimePoint verified_at = net::Clock::now());
  /// The newest; it is in the cache no more (RFC 8446 appendix C.4: a ticket is used once).
  Entry take(const std::string& key);
  bool contains(const std::string& key) const { return slots_.contains(key); }
  /// Forgets what there is for the key: the server did not take it, or its handshake failed.
  void forget(const std::string& key);
  std::size_t size() const { return sessions_; }

 private:
  struct Slot {
    std::list<Entry> entries;  ///< the newest at the back
    std::list<std::string>::iterator place;
  };

  void erase(std::unordered_map<std::string, Slot>::iterator slot);

  const Limits limits_;
  std::unordered_map<std::string, Slot> slots_;
  std::list<std::string> order_;  ///< keys, the least recently used at the front
  std::size_t sessions_ = 0;
};

}  // namespace postern::tls
