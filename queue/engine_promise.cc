// SPDX-License-Identifier: Apache-2.0
// A fresh message that found no room, and that a next hop has taken: told to come again, its client
// would send that one a second copy. So its reply waits until the message is stored after all, or
// everybody has it.
#include "queue/engine_impl.h"
#include "queue/spool/errors.h"

#include <boost/asio/dispatch.hpp>
#include <spdlog/spdlog.h>

#include <utility>

namespace postern::queue {
namespace {

/// How often the disk is asked for room.
constexpr std::chrono::milliseconds kAskForRoom{250};

/// Somebody may have the message in a moment (not those that are held as refused), or has it and
/// there may be room for it again.
bool is_worth_waiting(const Race& race) {
  const spool::Message::Progress progress = race.message->progress();
  std::size_t refused = 0;
  for (const GroupResult& group : race.held)
    refused += group.lease.indices().size();
  const bool may_be_stored = race.error == make_error_code(spool::Errc::no_space);
  return progress.leased > refused || (may_be_stored && progress.delivered > 0);
}

}  // namespace

/// The commit has failed, and what was under way for this client has ended.
void Engine::Impl::not_stored(const RacePtr& race) {
  // No message: told before anybody could begin to deliver it.
  race->safe = race->message && race->message->is_settled();
  if (race->safe || !race->message || (!race->holds_on && !is_worth_waiting(*race))) {
    race->decide();
  } else if (!std::exchange(race->holds_on, true)) {
    spawn(hold_on(race));
  }
}

net::Awaitable<void> Engine::Impl::hold_on(RacePtr race) {
  const auto self = shared_from_this();
  const spool::MessagePtr message = race->message;
  const net::TimePoint until = net::Clock::now() + options.longest_wait;
  net::Timer pause(executor);
  spdlog::warn("letter {} cannot be stored ({}), and a next hop has taken it: its client waits",
               message->id().str(),
               race->error.message());
  while (!race->decided) {
    race->safe = message->is_settled();
    const bool in_time = !stopping && net::Clock::now() < until;
    if (race->safe) {
      race->decide();
    } else if (!in_time || !is_worth_waiting(*race)) {
      // Not while it is being written: that tells by itself.
      if (message->withdraw()) race->decide();
    } else if (race->error == make_error_code(spool::Errc::no_space)) {
      spool::Done done = [self, race](std::error_code error) {
        net::asio::dispatch(self->executor, [self, race, error] { self->committed(race, error); });
      };
      spool.commit_again(message, std::move(done));
    }
    if (race->decided) break;
    pause.expires_after(kAskForRoom);
    co_await pause.async_wait(net::as_result);
  }
}

/// Its client is told to come again.
void Engine::Impl::withdraw(const spool::MessagePtr& message) {
  message->withdraw();
  hot.erase(message->id().value());
  const std::size_t delivered = message->progress().delivered;
  if (delivered == 0) return;
  spdlog::error(
      "letter {}: {} of its {} recipients have it, for the others it could neither be delivered "
      "nor "
      "stored; its client is told to come again, and sends it to all of them",
      message->id().str(),
      delivered,
      message->recipients());
}

}  // namespace postern::queue
