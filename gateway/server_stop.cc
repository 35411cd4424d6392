// SPDX-License-Identifier: Apache-2.0
// How the gateway stops: sessions first, then deliveries, then the connections to next hops.
#include "gateway/server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace postern::gateway {
namespace {

/// How often a stop looks whether all is done.
constexpr std::chrono::milliseconds kLook{5};
/// When the grace is over, a stop waits so long for clients to get the replies that it brings
/// about.
constexpr std::chrono::seconds kLastReplies{2};
/// A stop waits so long for next hops to take their QUIT.
constexpr std::chrono::seconds kQuitWait{3};

}  // namespace

void Server::stop() {
  boost::asio::post(context_, [this] {
    if (stopping_) return;
    stopping_ = true;
    stop_by_ = net::Clock::now() + options_.grace;
    boost::system::error_code ec;
    for (const std::unique_ptr<Listening>& listening : listening_)
      listening->acceptor.close(ec);
    for (const std::unique_ptr<Worker>& worker : workers_)
      worker->stop_sessions();
    boost::asio::co_spawn(context_, drain(), boost::asio::detached);
  });
}

void Server::stop_now() {
  stop();
  boost::asio::post(context_, [this] {
    stop_by_ = net::Clock::now();
    at_once_ = true;
  });
}

net::Awaitable<void> Server::drain() {
  co_await end_sessions();
  const std::size_t left = gate_.sessions();
  if (left > 0)
    spdlog::warn(
        "{} sessions were still busy after {} s and are dropped", left, options_.grace.count());
  // What is being delivered is finished; what waits stays in the spool.
  const auto ended = [](const auto& worker) { return worker->deliveries_ended(); };
  co_await wait_for_workers(ended, stop_by_);
  co_await close_hops();
  context_.stop();
}

net::Awaitable<void> Server::end_sessions() {
  // They end on other threads; a look every few milliseconds is cheaper than a message from each.
  net::Timer timer(context_.get_executor());
  while (accepting_ > 0 || (gate_.sessions() > 0 && net::Clock::now() < stop_by_)) {
    timer.expires_after(kLook);
    co_await timer.async_wait(net::as_result);
  }
  for (const std::unique_ptr<Worker>& worker : workers_)
    worker->stop_deliveries();
  // Clients that waited for a delivery have their replies now.
  const net::TimePoint replied_by = net::Clock::now() + kLastReplies;
  while (gate_.sessions() > 0 && !at_once_ && net::Clock::now() < replied_by) {
    timer.expires_after(kLook);
    co_await timer.async_wait(net::as_result);
  }
}

template <class Done>
net::Awaitable<void> Server::wait_for_workers(Done done, net::TimePoint end) {
  net::Timer timer(context_.get_executor());
  while (!std::all_of(workers_.begin(), workers_.end(), done)) {
    if (net::Clock::now() >= std::min(end, stop_by_)) break;
    timer.expires_after(kLook);
    co_await timer.async_wait(net::as_result);
  }
}

/// Next hops get their QUIT, and a short while to take it.
net::Awaitable<void> Server::close_hops() {
  for (const std::unique_ptr<Worker>& worker : workers_)
    worker->close_hops();
  const auto closed = [](const auto& worker) { return worker->hops_closed(); };
  co_await wait_for_workers(closed, net::Clock::now() + kQuitWait);
}

}  // namespace postern::gateway
