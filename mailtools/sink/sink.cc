// SPDX-License-Identifier: Apache-2.0
#include "mailtools/sink/sink.h"

#include "base/endpoint_text.h"
#include "mailtools/sink/listen.h"
#include "mailtools/sink/session.h"
#include "smtp/replies.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <unordered_set>

namespace postern::sink {
namespace {

namespace asio = net::asio;

/// All clients of a test come at once.
constexpr int kBacklog = 4096;
/// After accept() failed for want of descriptors.
constexpr std::chrono::milliseconds kAcceptPause{20};
/// stop() waits so long for sessions to take their last reply.
constexpr std::chrono::seconds kGrace{2};

Result<std::shared_ptr<net::Acceptor>, SinkError> open_acceptor(const net::Executor& executor,
                                                                const net::Endpoint& where) {
  auto made = std::make_shared<net::Acceptor>(executor);
  net::Acceptor& acceptor = *made;
  net::error_code ec;
  acceptor.open(where.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec && where.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
  if (!ec) acceptor.bind(where, ec);
  if (!ec) acceptor.listen(kBacklog, ec);
  if (!ec) return made;
  return SinkError{
      fmt::format("cannot listen on {}: {}; write another --listen ADDRESS:PORT, port "
                  "0 takes one that is free",
                  endpoint_text(where),
                  ec.message())};
}

/// Without waiting: a client that does not read must not cost anything.
void turn_away(net::Socket socket, const smtp::Reply& reply) {
  std::string out;
  reply.append_to(out);
  net::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.send(asio::buffer(out), 0, ignored);
  socket.shutdown(net::Socket::shutdown_send, ignored);
}

/// A thread, its event loop, and the sessions on it.
struct Loop {
  Loop() : work(context.get_executor()) {}

  std::unordered_set<Session*> sessions;  ///< on the loop's thread
  bool stopping = false;                  ///< on the loop's thread
  net::IoContext context{1};
  asio::executor_work_guard<net::Executor> work;
  std::thread thread;
};

/// A session's place in its loop's list, for as long as its frame lives.
class Listed {
 public:
  Listed(std::unordered_set<Session*>& list, Session& session) : list_(list), session_(&session) {
    list_.insert(session_);
  }
  ~Listed() { list_.erase(session_); }
  Listed(Listed&&) = delete;

 private:
  std::unordered_set<Session*>& list_;
  Session* session_;
};

}  // namespace

struct Sink::State {
  State(SinkOptions options, Observer* observer) : shared(std::move(options), observer) {}

  net::Awaitable<void> accept(std::shared_ptr<net::Acceptor> acceptor);
  net::Awaitable<void> serve(net::Socket socket, Loop* loop);
  void begin_accepting();
  void close_acceptors();
  template <class Work>
  auto on_first_loop(Work work);
  void ended();
  void stop();

  Shared shared;
  std::vector<net::Endpoint> endpoints;
  std::vector<std::unique_ptr<Loop>> loops;
  // On the first loop's thread, but before the threads and behind them.
  std::vector<std::shared_ptr<net::Acceptor>> acceptors;
  std::size_t next = 0;

  std::atomic<std::uint64_t> open{0};
  std::mutex mutex;
  std::condition_variable changed;
  std::mutex calling;         ///< one pause(), resume() or stop() at a time
  bool stopped = false;       ///< under calling
  std::size_t under_way = 0;  ///< under mutex: sessions, and accepts, which hold a socket of a loop
};

/// One session, or one wait for a client, has ended.
void Sink::State::ended() {
  const std::lock_guard lock(mutex);
  --under_way;
  if (under_way == 0) changed.notify_all();
}

void Sink::State::begin_accepting() {
  for (const std::shared_ptr<net::Acceptor>& acceptor : acceptors) {
    {
      const std::lock_guard lock(mutex);
      ++under_way;
    }
    asio::co_spawn(
        loops.front()->context, accept(acceptor), [this](const std::exception_ptr&) { ended(); });
  }
}

/// Until the acceptor is closed; by then others may be in its place.
net::Awaitable<void> Sink::State::accept(std::shared_ptr<net::Acceptor> acceptor) {
  net::Timer pause(loops.front()->context.get_executor());
  while (acceptor->is_open()) {
    Loop* const loop = loops[next++ % loops.size()].get();
    auto [ec, socket] =
        co_await acceptor->async_accept(loop->context.get_executor(), net::as_result);
    if (ec == asio::error::operation_aborted) co_return;
    if (ec) {
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(net::as_result);
      continue;
    }
    shared.connections.fetch_add(1, std::memory_order_relaxed);
    if (open.load(std::memory_order_relaxed) >= shared.options.max_connections) {
      shared.refused.fetch_add(1, std::memory_order_relaxed);
      if (!shared.options.implicit_tls)
        turn_away(std::move(socket), smtp::replies::too_many_sessions());
      continue;
    }
    open.fetch_add(1, std::memory_order_relaxed);
    {
      const std::lock_guard lock(mutex);
      ++under_way;
    }
    asio::co_spawn(
        loop->context, serve(std::move(socket), loop), [this](const std::exception_ptr&) {
          open.fetch_sub(1, std::memory_order_relaxed);
          ended();
        });
  }
}

net::Awaitable<void> Sink::State::serve(net::Socket socket, Loop* loop) {
  Session session(std::move(socket), shared);
  const Listed listed(loop->sessions, session);
  if (loop->stopping) session.stop();
  co_await session.run();
}

void Sink::State::close_acceptors() {
  net::error_code ignored;
  for (const std::shared_ptr<net::Acceptor>& acceptor : acceptors)
    acceptor->close(ignored);
}

/// Runs it on the thread that accepts, and waits for it.
template <class Work>
auto Sink::State::on_first_loop(Work work) {
  std::packaged_task<decltype(work())()> task(std::move(work));
  auto future = task.get_future();
  asio::post(loops.front()->context, [&task] { task(); });
  return future.get();
}

void Sink::State::stop() {
  const std::lock_guard one(calling);
  if (stopped) return;
  stopped = true;
  on_first_loop([this] { close_acceptors(); });
  for (const std::unique_ptr<Loop>& loop : loops)
    asio::post(loop->context, [one = loop.get()] {
      one->stopping = true;
      for (Session* session : one->sessions)
        session->stop();
    });
  {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, kGrace, [this] { return under_way == 0; });
  }
  for (const std::unique_ptr<Loop>& loop : loops) {
    loop->work.reset();
    loop->context.stop();
  }
  for (const std::unique_ptr<Loop>& loop : loops)
    loop->thread.join();
  acceptors.clear();
}

Sink::Sink(std::unique_ptr<State> state) : state_(std::move(state)) {}

Sink::~Sink() {
  stop();
}

Result<std::unique_ptr<Sink>, SinkError> Sink::start(SinkOptions options, Observer* observer) {
  if (options.listen.empty()) return SinkError{"a sink that listens nowhere; write --listen"};
  if (options.implicit_tls && !options.tls)
    return SinkError{"TLS from the first octet needs a certificate; write --tls or --tls-cert"};
  auto state = std::make_unique<State>(std::move(options), observer);
  const SinkOptions& set = state->shared.options;
  for (const Fault& fault : set.faults)
    if (state->shared.faults.add(fault) == 0)
      return SinkError{fmt::format("more than {} faults", FaultTable::kMost)};
  const std::size_t threads = std::max<std::size_t>(set.threads, 1);
  for (std::size_t i = 0; i < threads; ++i)
    state->loops.push_back(std::make_unique<Loop>());
  for (const net::Endpoint& where : set.listen) {
    auto acceptor = open_acceptor(state->loops.front()->context.get_executor(), where);
    if (!acceptor) return acceptor.error();
    state->endpoints.push_back((*acceptor)->local_endpoint());
    state->acceptors.push_back(*std::move(acceptor));
  }
  state->begin_accepting();
  for (const std::unique_ptr<Loop>& loop : state->loops)
    loop->thread = std::thread([one = loop.get()] { one->context.run(); });
  return std::unique_ptr<Sink>(new Sink(std::move(state)));
}

const std::vector<net::Endpoint>& Sink::endpoints() const {
  return state_->endpoints;
}

SinkCounts Sink::counts() const {
  const Shared& shared = state_->shared;
  SinkCounts out;
  out.messages = shared.messages.load(std::memory_order_relaxed);
  out.recipients = shared.recipients.load(std::memory_order_relaxed);
  out.octets = shared.octets.load(std::memory_order_relaxed);
  out.connections = shared.connections.load(std::memory_order_relaxed);
  out.refused = shared.refused.load(std::memory_order_relaxed);
  out.open = state_->open.load(std::memory_order_relaxed);
  return out;
}

bool Sink::has_tls() const {
  return state_->shared.options.tls != nullptr;
}

FaultTable& Sink::faults() {
  return state_->shared.faults;
}

void Sink::pause() {
  const std::lock_guard one(state_->calling);
  if (!state_->stopped) state_->on_first_loop([this] { state_->close_acceptors(); });
}

Result<void, SinkError> Sink::resume() {
  const std::lock_guard one(state_->calling);
  if (state_->stopped) return {};
  return state_->on_first_loop([this]() -> Result<void, SinkError> {
    State& state = *state_;
    if (state.acceptors.front()->is_open()) return {};
    std::vector<std::shared_ptr<net::Acceptor>> again;
    for (const net::Endpoint& where : state.endpoints) {
      auto acceptor = open_acceptor(state.loops.front()->context.get_executor(), where);
      if (!acceptor) return acceptor.error();
      again.push_back(*std::move(acceptor));
    }
    state.acceptors = std::move(again);
    state.begin_accepting();
    return {};
  });
}

void Sink::stop() {
  if (state_) state_->stop();
}

}  // namespace postern::sink
