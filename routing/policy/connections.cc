// SPDX-License-Identifier: Apache-2.0
#include "routing/policy/connections.h"

#include "routing/policy/protocol.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <utility>

namespace postern::routing {
namespace {

constexpr std::size_t kMostKept = 20;
constexpr std::size_t kMostWaiting = 1000;
/// Servers close what is idle for 300 s or so (Postfix' own limit): rather by us, and before.
constexpr std::chrono::seconds kIdle{100};
constexpr unsigned kSilences = 3;
constexpr std::chrono::seconds kSilent{5};

}  // namespace

// ---- a connection ----

net::Awaitable<net::error_code> PolicyConnection::connect(Endpoint endpoint) {
  net::error_code opened;
  socket_.open(endpoint.protocol(), opened);
  if (opened) co_return opened;
  const auto [ec] = co_await socket_.async_connect(endpoint, net::as_result);
  co_return ec;
}

net::Awaitable<net::error_code> PolicyConnection::exchange(std::string question,
                                                           std::string& answer) {
  const auto [written, n] =
      co_await net::asio::async_write(socket_, net::asio::buffer(question), net::as_result);
  if (written) co_return written;
  input_.clear();
  std::array<char, 1024> block{};
  for (;;) {
    const auto [ec, octets] =
        co_await socket_.async_read_some(net::asio::buffer(block), net::as_result);
    if (ec) co_return ec;
    input_.append(block.data(), octets);
    const std::size_t end = policy_answer_end(input_);
    if (end == input_.size()) break;
    const bool is_beyond = end != std::string_view::npos || input_.size() > kMostPolicyAnswer;
    if (is_beyond) co_return net::asio::error::message_size;
  }
  answer = std::exchange(input_, {});
  co_return net::error_code();
}

void PolicyConnection::arm(net::TimePoint when) {
  expired_ = false;
  deadline_.expires_at(when);
  deadline_.async_wait([weak = weak_from_this(), round = ++round_](net::error_code ec) {
    const std::shared_ptr<PolicyConnection> self = weak.lock();
    if (ec || !self || self->round_ != round) return;
    self->expired_ = true;
    net::error_code ignored;
    self->socket_.close(ignored);
  });
}

void PolicyConnection::disarm() {
  ++round_;
  deadline_.cancel();
}

bool PolicyConnection::is_in_step() {
  net::error_code ec;
  return socket_.is_open() && socket_.available(ec) == 0 && !ec;
}

// ---- a lane ----

net::Awaitable<std::optional<PolicyLane::Place>> PolicyLane::enter(std::size_t limit,
                                                                   net::TimePoint until) {
  std::optional<Place> place;
  if (busy_ < limit && waiting_.empty()) {
    ++busy_;
    place.emplace(this);
    co_return place;
  }
  if (waiting_.size() >= kMostWaiting) co_return place;
  Waiter waiter(*this);
  waiter.timer.expires_at(until);
  waiting_.push_back(&waiter);
  [[maybe_unused]] const auto ended = co_await waiter.timer.async_wait(net::as_result);
  if (std::exchange(waiter.has_place, false)) place.emplace(this);
  co_return place;
}

void PolicyLane::leave() {
  if (waiting_.empty()) {
    --busy_;
    return;
  }
  Waiter* const next = waiting_.front();
  waiting_.pop_front();
  next->has_place = true;
  next->timer.cancel();
}

std::shared_ptr<PolicyConnection> PolicyLane::take_kept() {
  while (!kept_.empty()) {
    std::shared_ptr<PolicyConnection> last = std::move(kept_.back());
    kept_.pop_back();
    if (last->is_in_step()) return last;
  }
  return nullptr;
}

void PolicyLane::keep(std::shared_ptr<PolicyConnection> connection) {
  if (kept_.size() >= kMostKept) kept_.pop_front();
  connection->idle_since = net::Clock::now();
  kept_.push_back(std::move(connection));
}

void PolicyLane::prune(net::TimePoint now) {
  while (!kept_.empty() && now - kept_.front()->idle_since > kIdle)
    kept_.pop_front();
}

bool PolicyLane::is_unused(net::TimePoint now) const {
  // A server that is silent is remembered until it may be asked again.
  return kept_.empty() && busy_ == 0 && waiting_.empty() && (silences_ == 0 || now > forget_at_);
}

void PolicyLane::note_silence(net::TimePoint now) {
  if (++silences_ >= kSilences) silent_until_ = now + kSilent;
  forget_at_ = now + kIdle;
}

// ---- all of an io_context ----

net::asio::execution_context::id PolicyConnections::id;

PolicyConnections::PolicyConnections(net::asio::execution_context& context)
    : net::asio::execution_context::service(context) {
  // What sockets and timers stand on is made before this, and so shut down after it.
  const PolicyConnection first(static_cast<net::IoContext&>(context).get_executor());
}

PolicyLane& PolicyConnections::lane(const net::Executor& executor, const std::string& server) {
  const net::TimePoint now = net::Clock::now();
  for (auto it = lanes_.begin(); it != lanes_.end();) {
    it->second.prune(now);
    const bool goes = it->first != server && it->second.is_unused(now);
    it = goes ? lanes_.erase(it) : std::next(it);
  }
  return lanes_.try_emplace(server, executor).first->second;
}

void PolicyConnections::shutdown() noexcept {
  // Lanes stay: frames that are destroyed from here on give their places back.
  for (auto& [server, lane] : lanes_)
    lane.drop_kept();
}

}  // namespace postern::routing
