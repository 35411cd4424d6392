// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/net.h"
#include "queue/dsn/storm.h"
#include "queue/hop_pool.h"
#include "queue/hop_transaction.h"
#include "queue/lane.h"
#include "queue/outgoing.h"
#include "queue/spool/spool.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::queue {

/// What has become of one recipient of a stored message: for the log.
struct DeliveryEvent {
  enum class Outcome : std::uint8_t {
    delivered,
    deferred,   ///< tried again at `next_try`
    bounced,    ///< given up; the sender was told
    failed,     ///< given up, and nobody is told (null sender, NOTIFY)
    discarded,  ///< by a stage or an operator
    refused,    ///< the refusal was passed on to a client that still waited for its reply
  };
  Outcome outcome = Outcome::delivered;
  spool::MessagePtr message;
  std::uint32_t index = 0;                      ///< of the recipient
  const routing::Decision* decision = nullptr;  ///< null: it was not asked for
  const HopReport* report = nullptr;            ///< null: no next hop was asked
  smtp::Reply reply;
  spool::WallTime next_try{};
  unsigned attempts = 0;
};

struct EngineOptions {
  RoutingSource routing;
  std::function<void(const DeliveryEvent&)> log;     ///< on the engine's thread
  static constexpr unsigned kReportsPerMinute = 30;  ///< to one sender, unless told otherwise
  /// Shared by the engines of all workers; null: one of its own.
  std::shared_ptr<dsn::StormGuard> storm;
  /// Workers that share a next hop's connections: each has its even share.
  std::size_t pools = 1;
  /// A fresh message is kept out of groups so long at most, when its next hop is quick (R15 is not
  /// touched: no 250 is given meanwhile).
  std::chrono::microseconds longest_grace{5000};
  /// How long a client waits for its reply at most where one of its recipients has the letter, and
  /// it can neither be stored nor be delivered to the others (RFC 5321 4.5.3.2.6: ten minutes).
  std::chrono::seconds longest_wait{300};
  /// Messages that wait in a lane keep their octets in memory while all of the spool's that do are
  /// below this.
  std::int64_t hot_octets = 128LL << 20;
};

/// What a fresh message's 250 waits for.
enum class Promise : std::uint8_t {
  stored,               ///< the commit: delivery = "queue"
  stored_or_delivered,  ///< whichever comes first: delivery = "auto"
};

/// What accept() gives.
struct Accepted {
  smtp::Reply reply;
  spool::MessagePtr message;
};

/// The delivery engine of one worker thread: its lanes, what is under way, retries and bounces.
/// Shares the spool with the engines of other workers; a message is with one of them. Used on the
/// executor's thread, except where a line says otherwise. Goes before spool and pool, when nothing
/// runs on the executor any more.
class Engine {
 public:
  Engine(net::Executor executor, spool::Spool& spool, HopPool& pool, EngineOptions options);
  ~Engine();
  Engine(Engine&&) = delete;

  /// Takes responsibility for a message that was just received (R15), and begins to deliver it.
  /// `routed`: a decision for each recipient that is pending in `envelope`; those that are refused
  /// are answered with a bounce. The reply for its client: 250, 452 4.3.1, or a next hop's refusal
  /// of all recipients that came in time.
  net::Awaitable<Accepted> accept(spool::Draft draft,
                                  spool::Envelope envelope,
                                  std::vector<Routed> routed,
                                  RoutingView view,
                                  Promise promise);

  /// A message that waits in the lane it is for.
  struct Recovered {
    spool::MessageId id;
    std::string lane;
    spool::WallTime due;
  };
  /// What a stored message waits for; nothing while it is held. Any thread.
  static std::vector<Recovered> waiting_of(spool::MessageId id, const spool::Envelope& envelope);
  /// Messages that were in the spool before, or were released. Any thread.
  void post_recovered(std::vector<Recovered> batch);

  // ---- what operators do (engine_control.cc) ----

  /// Those of a message's recipients that were given up.
  struct GivenUp {
    std::size_t recipients = 0;
    std::size_t busy = 0;   ///< are being delivered at this moment, and left alone
    bool settled = false;   ///< nobody is pending any more
    std::error_code error;  ///< why none was given up: spool::Errc
  };
  using OnGivenUp = std::function<void(const GivenUp&)>;
  /// Gives recipients up and tells the sender as if the next hop had refused them; held messages
  /// too. `indices` empty: all that are pending. `done`: once, when the end of a message is
  /// durable; on any thread. Any thread may call.
  void bounce(spool::MessageId id, std::vector<std::uint32_t> indices, OnGivenUp done);
  /// The same without telling anybody.
  void discard(spool::MessageId id, std::vector<std::uint32_t> indices, OnGivenUp done);
  /// Messages that are tried now, ids ascending: those that wait here.
  std::vector<spool::MessageId> retry(std::span<const spool::MessageId> ids);
  /// Messages that were given up or held, ids ascending: they leave their lanes.
  void forget(std::span<const spool::MessageId> ids);

  /// A host of this next hop was found to answer: what waits for it alone goes, or one message that
  /// finds out (Lane::hop_answers()). Any thread.
  void hop_answers(std::string hop);

  /// A stop has begun: no client waits for room any more (EngineOptions::longest_wait), and has its
  /// reply as soon as no next hop is being given its letter.
  void stop_waiting();
  /// No delivery begins any more, and no client waits for one; is_quiet() when the last one has
  /// ended.
  void stop();
  bool is_quiet() const;

  struct LaneStats {
    std::string name;
    std::size_t waiting = 0;
    std::size_t running = 0;
    std::size_t window = 0;
    bool blocked = false;
    spool::WallTime blocked_until{};
    bool broken = false;  ///< the circuit: one message at a time finds out
  };
  std::vector<LaneStats> lanes() const;
  const HopPool& pool() const;

  /// The inside, shared with what is under way.
  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace postern::queue
