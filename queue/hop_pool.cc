// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_pool.h"

#include "base/printable.h"
#include "queue/hop_pool_impl.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace postern::queue {

/// One message that waits for a place; lives in the waiting coroutine.
class HopPool::Impl::Waiter {
 public:
  Waiter(std::shared_ptr<Impl> pool, Host& host, const Candidate& to)
      : pool_(std::move(pool)),
        list_(host.waiting),
        candidate(to),
        timer(pool_->executor, pool_->config.place_wait) {
    list_.push_back(this);
  }
  ~Waiter() {  // NOLINT(bugprone-exception-escape): only for want of memory, which ends us anyway
    // Once granted, the host and its list may be gone.
    if (!granted_) list_.remove(this);
    if (connection) pool_->keep(std::move(connection));
    if (place) pool_->release(candidate.endpoint);
    pool_->forget_if_unused(candidate.endpoint);
  }
  Waiter(Waiter&&) = delete;

  void grant() {
    list_.remove(this);
    granted_ = true;
    timer.cancel();
  }

 private:
  std::shared_ptr<Impl> pool_;
  std::list<Waiter*>& list_;
  bool granted_ = false;

 public:
  const Candidate& candidate;
  net::Timer timer;
  std::unique_ptr<HopConnection> connection;
  bool place = false;
};

HopPool::Impl::Impl(net::Executor on, HopPoolConfig with, dns::Resolver& asking)
    : executor(on),
      config(std::move(with)),
      resolver(asking),
      random(std::random_device()()),
      sweep_timer_(on),
      drained_(on) {
  if (!config.health) config.health = std::make_shared<HopHealth>();
}

HopPool::Impl::~Impl() = default;

HopPool::Impl::Host* HopPool::Impl::find(const net::Endpoint& host) {
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? nullptr : &found->second;
}

std::unique_ptr<HopConnection> HopPool::Impl::make_connection(const Candidate& to, bool impatient) {
  smtp::ClientOptions options;
  options.profile.hostname = config.hostname;
  options.profile.tls = to.tls->level;
  options.timeouts = config.timeouts;
  if (impatient) {
    options.timeouts.greeting = std::min(options.timeouts.greeting, config.failover_patience);
    options.timeouts.ehlo = std::min(options.timeouts.ehlo, config.failover_patience);
  }
  set_tls(config, to, options);
  std::optional<std::uint64_t> authorities;
  const tls::PeerCheck* const check = options.tls_terms.check.get();
  const bool by_chain = check != nullptr && check->tlsa.empty() && check->pins.empty();
  if (by_chain && config.verifying && options.tls) authorities = options.tls->number();
  if (to.tls->level != smtp::ClientProfile::Tls::none) options.tls_terms.sessions = tls_sessions;
  if (!to.login.user.empty()) options.credentials = {to.login.user, to.login.password};
  auto out = std::make_unique<HopConnection>(executor, std::move(options), to);
  out->authorities = authorities;
  return out;
}

std::unique_ptr<HopConnection> HopPool::Impl::take_idle(const Candidate& to) {
  const net::TimePoint now = net::Clock::now();
  // Retiring a connection may end the host's account: it is looked up each time.
  for (Host* host = find(to.endpoint); host != nullptr && !host->idle.empty();
       host = find(to.endpoint)) {
    std::unique_ptr<HopConnection> connection = std::move(host->idle.back());
    host->idle.pop_back();
    if (!connection->session.is_quiet()) {
      // R15: an unasked reply must not become a message's 250. A server that closed or said 421
      // while idle is no news about the host.
      drop(std::move(connection));
      continue;
    }
    const bool serves = to.is_served_by(connection->candidate) && !is_outdated(*connection);
    if (serves && connection->may_go_on(now)) {
      connection->candidate = to;
      connection->reused = true;
      return connection;
    }
    retire(std::move(connection));
  }
  return nullptr;
}

bool HopPool::Impl::is_outdated(const HopConnection& connection) const {
  const std::string& ca = connection.candidate.tls->ca;
  return connection.authorities && !config.verifying->is_current(ca, *connection.authorities);
}

/// Our part of the connections that a host may have.
std::size_t HopPool::Impl::share(const Candidate& to) const {
  return std::max<std::size_t>(to.limits.connections_per_host / config.pools, 1);
}

bool HopPool::Impl::has_room(const Candidate& to) {
  const Host* const host = find(to.endpoint);
  return !closed_ && (host == nullptr || !host->idle.empty() || host->open < share(to));
}

bool HopPool::Impl::reserve(const Candidate& to) {
  if (closed_) return false;
  Host& host = hosts_[to.endpoint];
  if (host.open >= share(to)) {
    if (host.idle.empty()) return false;
    // Only kept ones that this message cannot use are left: the oldest gives up its place.
    const std::unique_ptr<HopConnection> oldest = std::move(host.idle.front());
    host.idle.erase(host.idle.begin());
    oldest->session.close();
    return true;
  }
  ++host.open;
  ++open_;
  return true;
}

void HopPool::Impl::release(const net::Endpoint& endpoint) {
  Host* const host = find(endpoint);
  if (host == nullptr) return;
  if (!host->waiting.empty() && !closed_) {
    Waiter* const first = host->waiting.front();
    first->place = true;
    first->grant();
    return;
  }
  --host->open;
  --open_;
  forget_if_unused(endpoint);
}

void HopPool::Impl::forget_if_unused(const net::Endpoint& endpoint) {
  const auto found = hosts_.find(endpoint);
  if (found == hosts_.end()) return;
  const Host& host = found->second;
  if (host.open == 0 && host.waiting.empty()) hosts_.erase(found);
}

net::Awaitable<HopPool::Impl::Granted> HopPool::Impl::wait_for_place(std::shared_ptr<Impl> self,
                                                                     Candidate to) {
  Granted granted;
  if (self->closed_) co_return granted;
  Waiter waiter(self, self->hosts_[to.endpoint], to);
  co_await waiter.timer.async_wait(net::as_result);
  granted.place = std::exchange(waiter.place, false);
  if (waiter.connection) granted.lease = HopLease(self, std::move(waiter.connection));
  co_return granted;
}

/// Gives the connection to the first who waits for one like it.
bool HopPool::Impl::hand_over(std::unique_ptr<HopConnection>& connection) {
  Host* const host = find(connection->candidate.endpoint);
  if (host == nullptr || host->waiting.empty()) return false;
  Waiter* const first = host->waiting.front();
  if (first->candidate.fresh || !first->candidate.is_served_by(connection->candidate)) return false;
  connection->candidate = first->candidate;
  connection->reused = true;
  first->connection = std::move(connection);
  first->grant();
  return true;
}

void HopPool::Impl::keep(std::unique_ptr<HopConnection> connection) {
  const net::TimePoint now = net::Clock::now();
  if (connection->session.failure() || connection->session.dialogue().in_body()) {
    return drop(std::move(connection));
  }
  if (closed_ || is_outdated(*connection) || !connection->may_go_on(now)) {
    return retire(std::move(connection));
  }
  if (connection->session.dialogue().in_transaction()) {
    boost::asio::co_spawn(
        executor, say_rset(shared_from_this(), std::move(connection)), boost::asio::detached);
    return;
  }
  if (hand_over(connection)) return;
  const std::chrono::seconds idle = connection->candidate.limits.idle;
  Host* const host = find(connection->candidate.endpoint);
  if (idle.count() == 0 || host == nullptr || !host->waiting.empty()) {
    return retire(std::move(connection));
  }
  connection->idle_since = now;
  host->idle.push_back(std::move(connection));
  arm_sweep(now + idle);
}

void HopPool::Impl::drop(std::unique_ptr<HopConnection> connection) {
  const net::Endpoint endpoint = connection->candidate.endpoint;
  connection->session.close();
  connection.reset();
  release(endpoint);
}

void HopPool::Impl::retire(std::unique_ptr<HopConnection> connection) {
  if (connection->session.failure()) return drop(std::move(connection));
  ++quitting_;
  boost::asio::co_spawn(
      executor, say_quit(shared_from_this(), std::move(connection)), boost::asio::detached);
}

/// A transaction that was given up is ended at once: a server may hold a file, a lock or a slot for
/// it as long as it is open.
net::Awaitable<void> HopPool::Impl::say_rset(std::shared_ptr<Impl> self,
                                             std::unique_ptr<HopConnection> connection) {
  connection->session.dialogue().reset();
  const bool alive = co_await connection->session.converse();
  if (alive) {
    self->keep(std::move(connection));
  } else {
    self->drop(std::move(connection));
  }
}

net::Awaitable<void> HopPool::Impl::say_quit(std::shared_ptr<Impl> self,
                                             std::unique_ptr<HopConnection> connection) {
  co_await connection->session.quit();
  self->drop(std::move(connection));
  if (--self->quitting_ == 0) self->drained_.cancel();
}

net::TimePoint HopPool::Impl::avoided_until(const net::Endpoint& endpoint) const {
  return config.health->avoided_until(endpoint, net::Clock::now());
}

void HopPool::Impl::mark_down(const HopConnection& connection) {
  const smtp::ClientFailure& why = connection.session.failure();
  HostFailure failure;
  failure.text = printable(why.sentence());
  failure.began = connection.born;
  failure.busy = why.reply.code() == 421;
  failure.in_session = why.step > smtp::ClientStep::tls;
  config.health->failed(
      connection.candidate.endpoint, connection.candidate.use, failure, net::Clock::now());
}

void HopPool::Impl::mark_up(const Candidate& host) {
  config.health->answered(host.endpoint, host.use, net::Clock::now());
}

void HopPool::Impl::tell_tls(const HopConnection& tried) {
  const TlsPlan& plan = *tried.candidate.tls;
  if (!plan.reported || !config.observer) return;
  TlsOutcome outcome = *plan.reported;
  outcome.endpoint = tried.candidate.endpoint;
  const tls::Failure failure = tried.session.tls_failure();
  // A server that was not reached says nothing of its TLS.
  if (tried.session.failure() && failure == tls::Failure::none) return;
  // What was wrong with the policy before stays.
  if (failure != tls::Failure::none) {
    outcome.failure = failure;
    outcome.detail = tried.session.tls_failure_text();
  }
  config.observer->seen(outcome);
}

void HopPool::Impl::tell_tls(const TlsPlan& refused) {
  if (!refused.reported || !config.observer) return;
  TlsOutcome outcome = *refused.reported;
  outcome.failure = refused.failure;
  outcome.detail = refused.refusal->text();
  config.observer->seen(outcome);
}

std::size_t HopPool::Impl::idle_count() const {
  std::size_t count = 0;
  for (const auto& [endpoint, host] : hosts_)
    count += host.idle.size();
  return count;
}

std::vector<HopPool::HostConnections> HopPool::Impl::host_connections() const {
  std::vector<HostConnections> out;
  out.reserve(hosts_.size());
  for (const auto& [endpoint, host] : hosts_)
    out.push_back({endpoint, host.open, host.idle.size()});
  return out;
}

void HopPool::Impl::arm_sweep(net::TimePoint when) {
  if (when >= sweep_at_) return;
  sweep_at_ = when;
  sweep_timer_.expires_at(when);
  sweep_timer_.async_wait([weak = weak_from_this()](const net::error_code& ec) {
    const std::shared_ptr<Impl> self = weak.lock();
    if (!ec && self) self->sweep();
  });
}

void HopPool::Impl::sweep() {
  const net::TimePoint now = net::Clock::now();
  net::TimePoint next = net::TimePoint::max();
  std::vector<std::unique_ptr<HopConnection>> over;
  std::vector<net::Endpoint> endpoints;
  for (auto& [endpoint, host] : hosts_) {
    endpoints.push_back(endpoint);
    for (std::unique_ptr<HopConnection>& connection : host.idle) {
      const net::TimePoint end = connection->idle_since + connection->candidate.limits.idle;
      if (end <= now || is_outdated(*connection)) {
        over.push_back(std::move(connection));
      } else {
        next = std::min(next, end);
      }
    }
    std::erase(host.idle, nullptr);
  }
  sweep_at_ = net::TimePoint::max();
  for (std::unique_ptr<HopConnection>& connection : over)
    retire(std::move(connection));
  for (const net::Endpoint& endpoint : endpoints)
    forget_if_unused(endpoint);
  if (next != net::TimePoint::max()) arm_sweep(next);
}

void HopPool::Impl::shut_down() {
  closed_ = true;
  sweep_timer_.cancel();
  for (auto& [endpoint, host] : hosts_) {
    while (!host.waiting.empty())
      host.waiting.front()->grant();
    open_ -= host.idle.size();
    host.open -= host.idle.size();
    host.idle.clear();
  }
}

net::Awaitable<void> HopPool::Impl::close_idle(std::shared_ptr<Impl> self) {
  std::vector<std::unique_ptr<HopConnection>> all;
  for (auto& [endpoint, host] : self->hosts_) {
    std::move(host.idle.begin(), host.idle.end(), std::back_inserter(all));
    host.idle.clear();
  }
  for (std::unique_ptr<HopConnection>& connection : all)
    self->retire(std::move(connection));
  self->sweep_timer_.cancel();
  self->sweep_at_ = net::TimePoint::max();
  if (self->quitting_ == 0) co_return;
  self->drained_.expires_after(2 * self->config.timeouts.quit);
  co_await self->drained_.async_wait(net::as_result);
}

HopPool::HopPool(net::Executor executor, HopPoolConfig config, dns::Resolver& resolver)
    : impl_(std::make_shared<Impl>(executor, std::move(config), resolver)) {}

HopPool::~HopPool() {
  impl_->shut_down();
}

std::size_t HopPool::idle() const {
  return impl_->idle_count();
}

std::size_t HopPool::open() const {
  return impl_->open_count();
}

std::vector<HopPool::HostConnections> HopPool::hosts() const {
  return impl_->host_connections();
}

void HopPool::retire_outdated() {
  impl_->sweep();
}

net::Awaitable<void> HopPool::close_idle() {
  return Impl::close_idle(impl_);
}

}  // namespace postern::queue
