// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace postern::queue {

/// How long a host that failed is passed over, and how many hosts are known at a time.
struct HealthPolicy {
  std::chrono::seconds first{60};     ///< the first penalty; each further one is twice as long
  std::chrono::seconds longest{900};  ///< but no longer than this
  std::size_t hosts = 4096;           ///< that are remembered at most
};

/// What an address is used as: an item of a next hop's `hosts`.
struct HostUse {
  std::string hop;   ///< a name of the config; empty: the MX of a domain
  std::string host;  ///< as the config has it: "10.0.0.5:25", "mx:company.ru"
  friend bool operator==(const HostUse&, const HostUse&) = default;
};

/// A connection that was not to be had, or broke before anything was said of a message.
struct HostFailure {
  std::string text;         ///< one line, fit to be printed
  net::TimePoint began;     ///< of the connection that failed
  bool busy = false;        ///< the host itself says that it has too much to do (421, 4.3.2)
  bool in_session = false;  ///< at AUTH, MAIL or later: no probe comes that far
};

/// What is known of one address. A time that is TimePoint() never was.
struct HostState {
  struct Probe {
    net::TimePoint at;
    bool good = false;
    std::string failure;  ///< "" when it was good
  };

  std::vector<HostUse> uses;       ///< by which next hops; none: the MX of domains alone
  net::TimePoint penalised_until;  ///< by its failures
  net::TimePoint down_until;       ///< by a probe; the next one says it again, or not
  bool beyond_probes = false;      ///< that penalty is for a failure within a session, too
  unsigned level = 0;              ///< failures that the next penalty's length is of
  net::TimePoint answered_at;      ///< it took a session
  net::TimePoint failed_at;
  std::string failure;  ///< the last one
  std::optional<Probe> probe;

  /// Searches pass it over until then.
  net::TimePoint avoided_until() const { return std::max(penalised_until, down_until); }
  net::TimePoint seen() const;
};

/// The health of next hops' addresses, for all workers and the prober together. A host that failed
/// gets a penalty, during which searches prefer others; it doubles with each failure up to a
/// longest, its length goes down with each success, and failures of long ago count for nothing.
/// Nobody is ever refused for it: when all hosts have penalties, the one whose penalty ends first
/// is tried. Any thread may call; as long as no host has a penalty avoided_until() takes no lock.
/// Bounded: beyond `policy.hosts` those that no next hop names go first, then the least recent.
class HopHealth {
 public:
  explicit HopHealth(const HealthPolicy& policy = HealthPolicy());
  HopHealth(const HopHealth&) = delete;
  HopHealth& operator=(const HopHealth&) = delete;

  /// Searches pass the host over until then; TimePoint(): they do not.
  net::TimePoint avoided_until(const net::Endpoint& host, net::TimePoint now) const;
  /// Connections that fail together tell the same thing once: what began before the last failure
  /// changes nothing. A host that is busy gets the first penalty, and no longer ones.
  void failed(const net::Endpoint& host,
              const HostUse& use,
              const HostFailure& failure,
              net::TimePoint now);
  /// It took a session: the penalty is over, and what a probe said too.
  void answered(const net::Endpoint& host, const HostUse& use, net::TimePoint now);
  /// What a probe found. A good one ends the penalty, unless that is for a failure within a
  /// session, which the probe did not try; behind a bad one the host counts as down until `lapses`,
  /// when no other probe has come. True: the probe before found otherwise.
  bool probed(const net::Endpoint& host,
              const HostUse& use,
              HostState::Probe probe,
              net::TimePoint lapses);

  /// The host is probed as this no more: what probes said of it is forgotten.
  void end_probes(const HostUse& use);

  std::map<net::Endpoint, HostState> all() const;

 private:
  HostState& at(const net::Endpoint& host, const HostUse& use);
  void evict();
  void is_well(HostState& state);
  void find_latest();

  const HealthPolicy policy_;
  mutable std::mutex mutex_;
  std::map<net::Endpoint, HostState> hosts_;  ///< under mutex_
  std::atomic<net::TimePoint> latest_{};      ///< no host is passed over after this
};

}  // namespace postern::queue
