// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue/hop_connection.h"
#include "queue/hop_pool.h"
#include "tls/session_cache.h"

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace postern::queue {

/// The pool's inside: accounts of hosts, kept connections, and who waits for one. A place is the
/// right to have one connection to a host; it is held by each connection, leased, kept or saying
/// QUIT.
struct HopPool::Impl : std::enable_shared_from_this<HopPool::Impl> {
  Impl(net::Executor on, HopPoolConfig with, dns::Resolver& asking);
  ~Impl();

  net::Executor executor;
  HopPoolConfig config;
  dns::Resolver& resolver;
  std::mt19937 random;
  const std::shared_ptr<tls::SessionCache> tls_sessions = std::make_shared<tls::SessionCache>();

  /// A kept connection that can go on, or null.
  std::unique_ptr<HopConnection> take_idle(const Candidate& to);
  /// True: a place was reserved for a new connection. A kept one that cannot be used gives way.
  bool reserve(const Candidate& to);
  /// There is a kept connection, or a place without one giving way.
  bool has_room(const Candidate& to);
  void release(const net::Endpoint& host);
  /// `impatient`: another host is left (failover_patience).
  std::unique_ptr<HopConnection> make_connection(const Candidate& to, bool impatient);

  /// What a wait for a place ended with: a kept connection, a reserved place, or neither (time is
  /// up).
  struct Granted {
    HopLease lease;
    bool place = false;
  };
  static net::Awaitable<Granted> wait_for_place(std::shared_ptr<Impl> self, Candidate to);

  void keep(std::unique_ptr<HopConnection> connection);
  void drop(std::unique_ptr<HopConnection> connection);

  /// Searches pass the host over until then; TimePoint(): they do not.
  net::TimePoint avoided_until(const net::Endpoint& host) const;
  /// The connection has failed, and that tells of its host.
  void mark_down(const HopConnection& failed);
  void mark_up(const Candidate& host);
  /// Tells the observer how a connection that was tried went, where its plan is one to report.
  void tell_tls(const HopConnection& tried);
  /// The same for a host that its plan refuses.
  void tell_tls(const TlsPlan& refused);

  std::size_t idle_count() const;
  std::size_t open_count() const { return open_; }
  std::vector<HostConnections> host_connections() const;
  /// No connection is kept from now on; who waits is told that there is none.
  void shut_down();
  /// Kept connections whose time is over, or that are outdated.
  void sweep();
  static net::Awaitable<void> close_idle(std::shared_ptr<Impl> self);

 private:
  class Waiter;
  struct Host {
    std::vector<std::unique_ptr<HopConnection>> idle;  ///< the last one kept is at the back
    std::size_t open = 0;
    std::list<Waiter*> waiting;
  };

  Host* find(const net::Endpoint& host);
  std::size_t share(const Candidate& to) const;
  /// What its server was verified by was read anew since.
  bool is_outdated(const HopConnection& connection) const;
  void retire(std::unique_ptr<HopConnection> connection);
  static net::Awaitable<void> say_rset(std::shared_ptr<Impl> self,
                                       std::unique_ptr<HopConnection> connection);
  static net::Awaitable<void> say_quit(std::shared_ptr<Impl> self,
                                       std::unique_ptr<HopConnection> connection);
  bool hand_over(std::unique_ptr<HopConnection>& connection);
  void forget_if_unused(const net::Endpoint& host);
  void arm_sweep(net::TimePoint when);

  std::map<net::Endpoint, Host> hosts_;
  std::size_t open_ = 0;
  std::size_t quitting_ = 0;
  bool closed_ = false;
  net::Timer sweep_timer_;
  net::TimePoint sweep_at_ = net::TimePoint::max();
  net::Timer drained_;
};

}  // namespace postern::queue
