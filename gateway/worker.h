// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dns/resolver.h"
#include "dns/reverse.h"
#include "gateway/client_gate.h"
#include "gateway/letter_tools.h"
#include "gateway/own_letter.h"
#include "gateway/runtime.h"
#include "queue/engine.h"
#include "queue/hop_pool.h"

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_set>

namespace postern::gateway {

/// One thread with its event loop, resolver, and connections to next hops. A session lives and dies
/// on one worker; nothing of it is shared with another.
class Worker {
 public:
  using ResolverFactory = std::function<std::unique_ptr<dns::Resolver>(net::Executor)>;

  /// `spool`, `log`, `current`, `recorder` (may be null), `auth` and `gate` outlive it.
  Worker(const queue::HopPoolConfig& pool,
         const ResolverFactory& resolver,
         spool::Spool& spool,
         const queue::EngineOptions& engine,
         const LetterLog& log,
         const CurrentRuntime& current,
         EnvelopeRecorder* recorder,
         Authenticator* auth,
         ClientGate* gate,
         const dns::Config& dns);
  ~Worker();
  Worker(Worker&&) = delete;

  /// Any thread.
  net::IoContext& context() { return context_; }
  std::size_t sessions() const { return session_count_.load(std::memory_order_relaxed); }
  /// Serves a client that was accepted on this worker's context; any thread.
  void adopt(net::Socket socket,
             std::shared_ptr<const Runtime> runtime,
             const ListenerRuntime& listener,
             Admission::Ticket ticket);
  /// Ends sessions at their next command boundary, and sooner those whose letters wait for room on
  /// the disk (Engine::stop_waiting()); any thread.
  void stop_sessions();
  /// No delivery begins any more; deliveries_ended() when the last one has. Any thread.
  void stop_deliveries();
  bool deliveries_ended() const { return deliveries_ended_.load(std::memory_order_relaxed); }
  /// Its deliveries; of its members only those that say so may be called by other threads.
  queue::Engine& engine() { return *engine_; }
  /// Puts a letter of our own into the queue; `done` once, on this worker's thread: is it safe? Any
  /// thread.
  void submit(OwnLetter letter, std::function<void(bool)> done);
  /// Ends the kept connections to next hops that were verified before the authorities were last
  /// read. Any thread.
  void retire_hops();
  /// Says QUIT on the connections to next hops that are kept; hops_closed() when that is over. Any
  /// thread.
  void close_hops();
  bool hops_closed() const { return hops_closed_.load(std::memory_order_relaxed); }
  /// Ends the loop, finished or not, and joins the thread; what is under way is dropped.
  void stop_and_join();

 private:
  net::Awaitable<void> serve(net::Socket socket,
                             std::shared_ptr<const Runtime> runtime,
                             const ListenerRuntime* listener,
                             Admission::Ticket ticket);

  net::Awaitable<void> watch_deliveries();

  const LetterLog& log_;
  spool::Spool& spool_;
  const CurrentRuntime& current_;
  EnvelopeRecorder* const recorder_;
  Authenticator* const auth_;
  ClientGate* const gate_;
  std::unordered_set<smtp::ServerSession*> sessions_;
  std::atomic<std::size_t> session_count_{0};
  // The order matters at the end: what is still under way is destroyed with the loop, and takes
  // itself off the lists above; the pool and the resolver have sockets on the loop and go before.
  net::IoContext context_{1};
  boost::asio::executor_work_guard<net::Executor> work_;
  std::unique_ptr<dns::Resolver> resolver_;
  std::unique_ptr<dns::ReverseLookup> reverse_;
  std::unique_ptr<queue::HopPool> pool_;
  std::unique_ptr<queue::Engine> engine_;
  bool stopping_ = false;
  std::atomic<bool> deliveries_ended_{false};
  std::atomic<bool> hops_closed_{false};
  std::thread thread_;
};

}  // namespace postern::gateway
