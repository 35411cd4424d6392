// SPDX-License-Identifier: Apache-2.0
// Files that the config names are taken when they change, without a reload.
#include "gateway/server.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace postern::gateway {
namespace {

/// Reading that takes so long is told of: it is no large file then, but a disk that is gone.
constexpr std::chrono::seconds kSlowReading{30};

}  // namespace

net::Awaitable<void> Server::watch_files() {
  net::Timer timer(context_.get_executor());
  while (!stopping_) {
    timer.expires_after(options_.watch);
    co_await timer.async_wait(net::as_result);
    if (stopping_) co_return;
    look_at_files();
    look_at_authorities();
    for (const dsn::StormGuard::HeldBack& held : storm_->take_held_back(net::Clock::now()))
      spdlog::warn("reports to <{}> are held back: {} more", held.sender, held.reports);
  }
}

/// Another thread reads them; while it does there is no other look.
void Server::look_at_files() {
  if (files_.begin([snapshot = runtime()->snapshot] { snapshot->refresh_files(); })) {
    slow_reading_told_ = false;
    return;
  }
  if (files_.busy_for() < kSlowReading || std::exchange(slow_reading_told_, true)) return;
  spdlog::warn(
      "files that the config names have been read for {} s, and it goes on; until it ends no "
      "change of a list or a certificate is seen: is the disk that they are on there?",
      kSlowReading.count());
}

/// Behind everything else: what is being read had that long to end.
void Server::stop_reading() {
  is_reading_left_ = !files_.stop();
  if (is_reading_left_)
    spdlog::warn("files that the config names are still being read: left behind at the stop");
}

}  // namespace postern::gateway
