// SPDX-License-Identifier: Apache-2.0
#include "queue/failure_policy.h"
#include "queue/hop_pool_impl.h"
#include "queue/hop_search.h"
#include "smtp/session/connect_race.h"

#include <utility>

// How a search opens a connection: several addresses of one host are tried beside each other, so
// that one of which nothing comes back costs a moment and not the connect time-out.

namespace postern::queue {
namespace {

/// RFC 8305 section 5: "Connection Attempt Delay".
constexpr std::chrono::milliseconds kAttemptDelay{250};
/// Beside each other; where none of so many answers, one more does not either.
constexpr std::size_t kMostAttempts = 4;

/// The session failed for what was wanted of its TLS.
bool failed_for_tls(const smtp::ClientFailure& why) {
  using Kind = smtp::ClientFailure::Kind;
  const bool refused = why.kind == Kind::refused && why.step == smtp::ClientStep::starttls;
  return why.kind == Kind::no_tls || (refused && why.reply.code() != 421);
}

/// The server itself says or shows that there is no verified TLS with it. A handshake that breaks
/// off, "not now" and authorities that we cannot read may be better the next time.
bool has_no_verified_tls(const smtp::ClientSession& session) {
  const smtp::ClientFailure& why = session.failure();
  if (!failed_for_tls(why)) return false;
  if (why.step == smtp::ClientStep::starttls) return why.reply.code() / 100 == 5;
  return why.step != smtp::ClientStep::tls || session.peer_failure() != tls::Failure::none;
}

}  // namespace

/// Each attempt has its place, and a session that is not connected yet.
struct HopSearch::Race {
  explicit Race(net::Executor executor) : sockets(executor) {}
  smtp::ConnectRace sockets;
  std::vector<HopLease> attempts;  ///< by the sockets' ids; one that has ended is empty
  std::size_t running = 0;
};

/// Another address of the same host waits for its turn, and may be connected to now.
bool HopSearch::has_sibling(const Candidate& first) const {
  if (ready_.empty()) return false;
  const Candidate& next = ready_.front();
  return next.host == first.host && next.label == first.label && !next.fresh &&
         next.endpoint.port() == first.endpoint.port() && pool_->has_room(next);
}

/// In a place that is reserved.
void HopSearch::begin(Candidate to, Race& race) {
  const net::Endpoint endpoint = to.endpoint;
  HopLease lease(pool_, pool_->make_connection(to, hosts_left()));
  race.sockets.start(race.attempts.size(), endpoint, pool_->config.timeouts.connect);
  race.attempts.push_back(std::move(lease));
  ++race.running;
}

/// Those that are still under way have not failed: they come next, in their order, should the
/// winner be no good.
void HopSearch::give_up(Race& race) {
  race.sockets.stop();
  for (auto at = race.attempts.rbegin(); at != race.attempts.rend(); ++at) {
    if (*at) ready_.push_front((*at)->candidate);
  }
  race.attempts.clear();
}

/// Opens a connection in a place that is reserved.
net::Awaitable<HopLease> HopSearch::open(Candidate to) {
  Race race(pool_->executor);
  begin(to, race);
  net::TimePoint next_start = net::Clock::now() + kAttemptDelay;
  while (race.running > 0) {
    const bool more = race.running < kMostAttempts && has_sibling(to);
    std::optional<smtp::ConnectRace::Ended> ended =
        co_await race.sockets.next(more ? next_start : net::TimePoint::max());
    if (!ended) {
      Candidate sibling = *take();
      sibling.tls = to.tls;  // of one host, and so of one plan
      sibling.tls_question = nullptr;
      std::unique_ptr<HopConnection> kept = pool_->take_idle(sibling);
      if (kept) {
        give_up(race);
        co_return HopLease(pool_, std::move(kept));
      }
      if (pool_->reserve(sibling)) {
        begin(std::move(sibling), race);
      } else {
        busy_.push_back(std::move(sibling));
      }
      next_start = net::Clock::now() + kAttemptDelay;
      continue;
    }
    HopLease lease = std::exchange(race.attempts[ended->id], HopLease());
    --race.running;
    const bool failed = static_cast<bool>(ended->connected.ec);
    if (!failed) give_up(race);
    HopLease opened = co_await finish(std::move(lease), std::move(ended->connected));
    if (!failed) co_return opened;
    next_start = net::Clock::now();
  }
  co_return HopLease();
}

/// Greets where the attempt has succeeded; where anything fails the lease is empty, and the search
/// knows why.
net::Awaitable<HopLease> HopSearch::finish(HopLease lease, smtp::Connected connected) {
  last_host_ = lease->address();
  const Candidate to = lease->candidate;
  const bool ready = co_await lease->session.open(std::move(connected), to.endpoint, to.host);
  pool_->tell_tls(*lease);
  if (ready) {
    pool_->mark_up(to);
    co_return lease;
  }
  Trouble trouble;
  trouble.scope = Scope::session;
  trouble.failure = lease->session.failure();
  trouble.hosts_left = hosts_left();
  const Remedy cure = remedy(trouble, to.label);
  // What one message or the policy of one domain wants in vain says nothing to others, who may want
  // less of the same host. A next hop's own level is wanted by all of its mail.
  const bool require_tls = asked_ == TlsAsked::required;
  const bool is_of_hop = !require_tls && !to.tls->reported && !to.use.hop.empty();
  const bool is_down = is_of_hop || !failed_for_tls(trouble.failure);
  if (cure.remember_down && is_down) pool_->mark_down(*lease);
  if (require_tls && has_no_verified_tls(lease->session)) {
    note_lack(smtp::Reply(550, {5, 7, 10}, std::string(cure.reply.text())));
  } else {
    note(cure.reply);
  }
  co_return HopLease();
}

}  // namespace postern::queue
