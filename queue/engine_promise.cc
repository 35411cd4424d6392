// SPDX-License-Identifier: Apache-2.0
// A fresh message that found no room, and that a next hop has taken, or is taking: told to come
// again, its client would send that one a second copy. So its reply waits until the message is
// stored after all, or everybody has it.
#include "queue/engine_impl.h"
#include "queue/spool/errors.h"

#include <boost/asio/dispatch.hpp>
#include <spdlog/spdlog.h>

#include <utility>

namespace postern::queue {
namespace {

/// Recipients that somebody is giving it to; those that are held as refused are leased, too.
std::size_t being_delivered(const Race& race) {
  std::size_t refused = 0;
  for (const GroupResult& group : race.held)
    refused += group.lease.indices().size();
  const std::size_t leased = race.message->progress().leased;
  return leased > refused ? leased - refused : 0;
}

/// Somebody may have the message in a moment, or has it and there may be room for it again.
bool is_worth_waiting(const Race& race, bool for_room) {
  const bool may_be_stored = for_room && race.error == make_error_code(spool::Errc::no_space);
  return being_delivered(race) > 0 || (may_be_stored && race.message->progress().delivered > 0);
}

}  // namespace

/// The commit has failed, or what was under way for this client has ended since.
void Engine::Impl::not_stored(const RacePtr& race) {
  // No message: told before anybody could begin to deliver it.
  race->safe = race->message && race->message->is_settled();
  const bool ends = !race->message || race->safe;
  // Withdrawn at once: what has its turn before accept() goes on would begin to deliver it.
  if (ends || (!is_worth_waiting(*race, waits_for_room) && race->message->withdraw())) {
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
  bool logged = false;
  for (;;) {
    pause.expires_after(ask_for_room);
    co_await pause.async_wait(net::as_result);
    if (race->decided) co_return;
    race->safe = message->is_settled();
    const bool in_time = !stopping && (race->under_way > 0 || net::Clock::now() < until);
    const bool waits = in_time && is_worth_waiting(*race, waits_for_room);
    // Not withdrawn while it is being written: that tells by itself.
    if (race->safe || (!waits && message->withdraw())) {
      race->decide();
      co_return;
    }
    if (message->progress().delivered > 0 && !std::exchange(logged, true)) {
      spdlog::warn("letter {} cannot be stored ({}), and a next hop has taken it: its client waits",
                   message->id().str(),
                   race->error.message());
    }
    if (race->error != make_error_code(spool::Errc::no_space)) continue;
    spool::Done done = [self, race](std::error_code error) {
      net::asio::dispatch(self->executor, [self, race, error] { self->committed(race, error); });
    };
    spool.commit_again(message, std::move(done));
  }
}

/// Its client is told to come again.
void Engine::Impl::withdraw(const Race& race) {
  const spool::MessagePtr& message = race.message;
  message->withdraw();
  hot.erase(message->id().value());
  const std::size_t delivered = message->progress().delivered;
  const std::size_t under_way = being_delivered(race);
  if (delivered + under_way == 0) return;
  spdlog::error(
      "letter {}: {} of its {} recipients have it, {} are being given it, and for the others it "
      "could neither be delivered nor stored; its client is told to come again, and sends it to "
      "all of them",
      message->id().str(),
      delivered,
      message->recipients(),
      under_way);
}

}  // namespace postern::queue
