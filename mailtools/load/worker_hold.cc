// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/worker.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

// Sessions that hold a connection and send next to nothing.

namespace postern::load {
namespace {

/// That are opened at a time: a listener's backlog is not endless.
constexpr std::size_t kOpeners = 100;
/// Failures in a row after which no more are opened.
constexpr std::size_t kEnough = 100;
constexpr std::chrono::seconds kNoop{60};

}  // namespace

void Worker::hold() {
  net::asio::post(context_, [this] {
    const Options& options = plan_.options;
    idle_left_ = share(options.idle, part_, options.threads);
    to_hold_ = idle_left_ + share(options.slow, part_, options.threads);
    openers_ = std::min(to_hold_, kOpeners);
    if (openers_ == 0) on_held_();
    for (std::size_t i = openers_; i > 0; --i)
      start(hold_some());
  });
}

net::Awaitable<void> Worker::hold_some() {
  while (to_hold_ > 0 && !stopping_ && refused_holds_ < kEnough) {
    --to_hold_;
    const bool is_idle = idle_left_ > 0;
    if (is_idle) --idle_left_;
    auto link = make_link(held_figures_);
    const bool opened = co_await link->open();
    if (!opened) {
      ++refused_holds_;
      hold_failed(1);
      figures_.errors.add(link->failure());
      continue;
    }
    refused_holds_ = 0;
    common_.held.fetch_add(1, std::memory_order_relaxed);
    if (is_idle) {
      start(hold_idle(std::move(link)));
    } else {
      Letter letter;
      letter.due = net::Clock::now();
      letter.counted = false;
      fill_in(letter);
      start(hold_slow(std::move(link), letter));
    }
  }
  if (--openers_ > 0) co_return;
  // After so many failures the rest was not tried.
  if (!stopping_) hold_failed(std::exchange(to_hold_, 0));
  on_held_();
}

void Worker::hold_failed(std::size_t sessions) {
  figures_.held_lost += sessions;
  figures_.held_failed += sessions;
}

net::Awaitable<void> Worker::hold_idle(std::unique_ptr<Link> link) {
  net::Timer timer(context_.get_executor());
  // Not all at the same moment.
  const std::uint64_t seed = common_.idle.fetch_add(1, std::memory_order_relaxed);
  std::chrono::milliseconds pause = kNoop / 2;
  pause += std::chrono::milliseconds(static_cast<std::int64_t>(scatter(seed) % 30'000));
  for (bool alive = true; alive;) {
    timer.expires_after(pause);
    [[maybe_unused]] const auto waited = co_await timer.async_wait(net::as_result);
    alive = co_await link->noop();
    pause = kNoop;
  }
  hold_ended();
}

net::Awaitable<void> Worker::hold_slow(std::unique_ptr<Link> link, Letter letter) {
  co_await link->drip(letter, date());
  hold_ended();
}

/// The server has ended it, or had all of a letter.
void Worker::hold_ended() {
  ++figures_.held_lost;
  common_.held.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace postern::load
