// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/targets.h"
#include "queue/hop_connection.h"
#include "routing/verdict.h"
#include "smtp/reply.h"

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace postern::queue {

/// What a search gives: a connection that is ready for MAIL, or why there is none.
struct Found {
  HopLease lease;
  smtp::Reply refusal;
  std::string
      host;  ///< of the refusal: "10.0.0.5:25", the last one that was tried; empty: none was
};

/// The hosts of one target in the order in which to try them, for one message: next hops as they
/// are listed, the hosts of each as listed or by priority and weight (queue/hop_order.h), the
/// addresses of each host, a slow one beside the next (RFC 8305); names are asked for only when
/// their turn comes. A busy host is passed over for another of the same next hop and priority; when
/// all are busy, the first is waited for. Hosts with a penalty (queue/hop_health.h) come last, the
/// one whose penalty ends first before the others. Owned by the message; the pool's thread.
class HopSearch {
 public:
  /// With `required` the refusal is for good when no host is left that might give it.
  HopSearch(std::shared_ptr<HopPool::Impl> pool, const routing::Target& target, TlsAsked asked);

  /// The next host that takes the session. The refusal, when there is none: the last note(), or
  /// what DNS said, or 451 4.4.1.
  net::Awaitable<Found> next();
  /// The kept connection to this host proved dead: next() begins with a new one to it.
  void again(Candidate candidate);
  /// Why the last host was no good; what next() gives when no other is left.
  void note(smtp::Reply reply) { verdict_ = std::move(reply); }
  /// The same for a host that lacks what the message demands; another one that just could not be
  /// reached may have it, and is what next() tells then.
  void note_lack(smtp::Reply reply);
  /// Another host may be found. Names that were not asked for yet count.
  bool hosts_left() const;
  const std::shared_ptr<HopPool::Impl>& pool() const { return pool_; }

 private:
  struct Spec {
    const routing::NextHop* hop;  ///< null: the MX of a domain
    routing::HostSpec host;
  };

  /// Attempts to addresses of one host (queue/hop_search_race.cc).
  struct Race;

  /// A host that is passed over until nothing else is left.
  struct Avoided {
    net::TimePoint until;
    Candidate candidate;
  };

  void list_hosts(const routing::NextHop& hop);
  std::optional<Candidate> take();
  void take_avoided();
  bool hop_is_done() const;
  net::Awaitable<dns::Targets> ask_dns(const routing::HostSpec& host);
  net::Awaitable<void> resolve(Spec spec);
  void add(const Spec& spec, const dns::Target& target);
  void set_tls(const Spec& spec, const dns::Target& target, Candidate& out) const;
  net::Awaitable<TlsPlanPtr> plan(std::shared_ptr<const TlsQuestion> question);
  void explain(const Spec& spec, const dns::Targets& targets);
  net::Awaitable<HopLease> connect(Candidate to);
  net::Awaitable<HopLease> open(Candidate to);
  bool has_sibling(const Candidate& first) const;
  void begin(Candidate to, Race& race);
  void give_up(Race& race);
  net::Awaitable<HopLease> finish(HopLease lease, smtp::Connected connected);
  net::Awaitable<HopLease> wait();
  bool is_own(const net::Endpoint& endpoint) const;
  smtp::Reply refusal() const;

  std::shared_ptr<HopPool::Impl> pool_;
  const routing::TlsPolicy* const mx_policy_;  ///< null: there is none
  const TlsAsked asked_;
  std::vector<Spec> specs_;
  std::size_t next_spec_ = 0;
  std::deque<Candidate> ready_;
  std::deque<Candidate> busy_;
  std::vector<Avoided> avoided_;
  std::optional<smtp::Reply> verdict_;
  std::optional<smtp::Reply> dns_verdict_;
  std::string last_host_;  ///< that was tried
  bool own_ = false;       ///< a host was this gateway itself
  net::TimePoint give_up_at_;
};

}  // namespace postern::queue
