// SPDX-License-Identifier: Apache-2.0
#include "gateway/worker.h"

#include "base/metrics.h"
#include "gateway/ids.h"
#include "gateway/letter_service.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

namespace postern::gateway {
namespace {

/// How often a stop looks whether the last delivery has ended.
constexpr std::chrono::milliseconds kStopLook{5};

/// What ends a session by surprise is a defect: it is logged, and the session's own client is the
/// only one hurt.
void report(const std::exception_ptr& error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    spdlog::error("session ended by an exception: {}", e.what());
  }
}

/// A session's place in the worker's list, for as long as its frame lives.
class Listed {
 public:
  Listed(std::unordered_set<smtp::ServerSession*>& list, smtp::ServerSession& session)
      : list_(list), session_(&session) {
    list_.insert(session_);
  }
  ~Listed() { list_.erase(session_); }
  Listed(Listed&&) = delete;

 private:
  std::unordered_set<smtp::ServerSession*>& list_;
  smtp::ServerSession* session_;
};

}  // namespace

Worker::Worker(const queue::HopPoolConfig& pool,
               const ResolverFactory& resolver,
               spool::Spool& spool,
               const queue::EngineOptions& engine,
               const LetterLog& log,
               const CurrentRuntime& current,
               EnvelopeRecorder* recorder,
               Authenticator* auth,
               ClientGate* gate,
               const dns::Config& dns)
    : log_(log),
      spool_(spool),
      current_(current),
      recorder_(recorder),
      auth_(auth),
      gate_(gate),
      work_(context_.get_executor()),
      resolver_(resolver(context_.get_executor())),
      reverse_(std::make_unique<dns::ReverseLookup>(context_.get_executor(), *resolver_, dns)),
      pool_(std::make_unique<queue::HopPool>(context_.get_executor(), pool, *resolver_)),
      engine_(std::make_unique<queue::Engine>(context_.get_executor(), spool, *pool_, engine)),
      thread_([this] { context_.run(); }) {}

Worker::~Worker() {
  stop_and_join();
}

void Worker::adopt(net::Socket socket,
                   std::shared_ptr<const Runtime> runtime,
                   const ListenerRuntime& listener,
                   Admission::Ticket ticket) {
  session_count_.fetch_add(1, std::memory_order_relaxed);
  auto session = serve(std::move(socket), std::move(runtime), &listener, std::move(ticket));
  boost::asio::co_spawn(context_, std::move(session), [this](const std::exception_ptr& error) {
    session_count_.fetch_sub(1, std::memory_order_relaxed);
    report(error);
  });
}

net::Awaitable<void> Worker::serve(net::Socket socket,
                                   std::shared_ptr<const Runtime> runtime,
                                   const ListenerRuntime* listener,
                                   Admission::Ticket ticket) {
  boost::system::error_code ec;
  const net::Endpoint client = socket.remote_endpoint(ec);
  if (ec) co_return;  // gone before it was served
  smtp::SessionFacts facts;
  facts.id = new_id();
  facts.listener = listener->name;
  facts.client = plain_ip(client.address());
  facts.client_port = client.port();
  facts.local = socket.local_endpoint(ec);
  facts.expects_proxy = listener->balancers.contains(facts.client);
  if (!facts.expects_proxy) reverse_->begin(facts.client);
  const LetterTools tools{
      pool_.get(), engine_.get(), &spool_, &log_, recorder_, auth_, reverse_.get(), gate_};
  LetterService service(current_, runtime, *listener, tools);
  service.hold(std::move(ticket), facts.client);
  facts.confirmed_name = service.client_name();
  metrics::counter("postern_sessions_total", {listener->name}).add();
  smtp::ServerSession session(std::move(socket), listener->options, service, std::move(facts));
  const Listed listed(sessions_, session);
  if (stopping_) session.stop();
  co_await session.run();
}

void Worker::submit(OwnLetter letter, std::function<void(bool)> done) {
  boost::asio::post(context_, [this, letter = std::move(letter), done = std::move(done)]() mutable {
    auto job = gateway::submit(spool_, *engine_, view_of(current_.get()), std::move(letter));
    boost::asio::co_spawn(context_,
                          std::move(job),
                          [done = std::move(done)](const std::exception_ptr& error, bool ok) {
                            report(error);
                            done(ok && !error);
                          });
  });
}

void Worker::stop_sessions() {
  boost::asio::post(context_, [this] {
    stopping_ = true;
    engine_->stop_waiting();
    for (smtp::ServerSession* session : sessions_)
      session->stop();
  });
}

void Worker::stop_deliveries() {
  boost::asio::post(context_, [this] {
    engine_->stop();
    boost::asio::co_spawn(context_, watch_deliveries(), report);
  });
}

net::Awaitable<void> Worker::watch_deliveries() {
  net::Timer timer(context_.get_executor());
  while (!engine_->is_quiet()) {
    timer.expires_after(kStopLook);
    co_await timer.async_wait(net::as_result);
  }
  deliveries_ended_.store(true, std::memory_order_relaxed);
}

void Worker::retire_hops() {
  boost::asio::post(context_, [this] { pool_->retire_outdated(); });
}

void Worker::close_hops() {
  boost::asio::post(context_, [this] {
    boost::asio::co_spawn(context_, pool_->close_idle(), [this](const std::exception_ptr& error) {
      hops_closed_.store(true, std::memory_order_relaxed);
      report(error);
    });
  });
}

void Worker::stop_and_join() {
  work_.reset();
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace postern::gateway
