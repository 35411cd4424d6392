// SPDX-License-Identifier: Apache-2.0
#include "smtp/session/connect_race.h"

#include <boost/asio/error.hpp>

#include <deque>
#include <list>
#include <utility>

namespace postern::smtp {
namespace {

struct Runner {
  Runner(const net::Executor& executor, std::size_t name)
      : id(name), socket(executor), limit(executor) {}
  std::size_t id;
  net::Socket socket;
  net::Timer limit;
  bool late = false;
  bool over = false;
};

}  // namespace

/// Shared with the handlers, which may run after the race is gone.
struct ConnectRace::State {
  explicit State(net::Executor e) : executor(e), changed(e) {}

  net::Executor executor;
  net::Timer changed;  ///< cancelled when an attempt has ended
  std::list<std::shared_ptr<Runner>> running;
  std::deque<Ended> ended;
};

ConnectRace::ConnectRace(net::Executor executor) : state_(std::make_shared<State>(executor)) {}

void ConnectRace::stop() {
  for (const std::shared_ptr<Runner>& runner : std::exchange(state_->running, {})) {
    net::error_code ignored;
    runner->over = true;
    runner->limit.cancel();
    runner->socket.close(ignored);
  }
}

void ConnectRace::start(std::size_t id, net::Endpoint endpoint, std::chrono::seconds limit) {
  const auto runner = std::make_shared<Runner>(state_->executor, id);
  state_->running.push_back(runner);
  runner->limit.expires_after(limit);
  runner->limit.async_wait([runner](net::error_code ec) {
    if (ec || runner->over) return;
    runner->late = true;
    runner->socket.cancel(ec);
  });
  runner->socket.async_connect(endpoint, [state = state_, runner](net::error_code ec) {
    if (runner->over) return;
    runner->over = true;
    runner->limit.cancel();
    if (runner->late) ec = net::asio::error::timed_out;
    state->running.remove(runner);
    state->ended.push_back(Ended{runner->id, Connected(ec, std::move(runner->socket))});
    state->changed.cancel();
  });
}

net::Awaitable<std::optional<ConnectRace::Ended>> ConnectRace::next(net::TimePoint until) {
  const std::shared_ptr<State> state = state_;
  if (state->ended.empty()) {
    state->changed.expires_at(until);
    [[maybe_unused]] const auto [ec] = co_await state->changed.async_wait(net::as_result);
  }
  if (state->ended.empty()) co_return std::nullopt;
  std::optional<Ended> first(std::move(state->ended.front()));
  state->ended.pop_front();
  co_return first;
}

}  // namespace postern::smtp
