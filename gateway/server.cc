// SPDX-License-Identifier: Apache-2.0
#include "gateway/server.h"

#include "base/metrics.h"
#include "dns/cares_resolver.h"
#include "gateway/config_values.h"
#include "gateway/delivery_log.h"
#include "gateway/own_addresses.h"
#include "gateway/record_files.h"
#include "tls/context.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace postern::gateway {
namespace {

using boost::asio::ip::tcp;

/// Long enough for a burst of reconnecting peers after a restart.
constexpr int kBacklog = 1024;
/// After accept() failed for want of descriptors or memory: trying at once would only burn the
/// processor.
constexpr std::chrono::milliseconds kAcceptPause{100};
/// Recovered letters are handed to a worker so many at a time.
constexpr std::size_t kBatch = 1000;

/// "421 ..." to a client that there is no room for: without waiting, since a client that does not
/// read must not cost anything.
void turn_away(net::Socket socket, const smtp::Reply& reply) {
  std::string out;
  reply.append_to(out);
  boost::system::error_code ec;
  socket.non_blocking(true, ec);
  socket.send(boost::asio::buffer(out), 0, ec);
  socket.shutdown(tcp::socket::shutdown_send, ec);
}

queue::HopPoolConfig pool_config(const Config& config, const std::vector<Server::Bound>& bound) {
  queue::HopPoolConfig pool;
  pool.hostname = config.hostname;
  pool.timeouts = config.limits.client_timeouts;
  auto tls = tls::Context::opportunistic_client();
  if (tls) {
    pool.tls = *tls;
  } else {
    spdlog::warn("no TLS towards next hops: {}", tls.error().message);
  }
  std::vector<net::Endpoint> endpoints;
  endpoints.reserve(bound.size());
  for (const Server::Bound& b : bound)
    endpoints.push_back(b.endpoint);
  pool.own_endpoints = own_endpoints(endpoints);
  return pool;
}

/// How many workers there are is settled at the start, and each has a connection of its own.
void warn_of_few_connections(const Config& config, std::size_t workers) {
  for (const routing::NextHop& hop : config.routing.next_hops) {
    const std::size_t limit = hop.limits.connections_per_host;
    if (limit >= workers) continue;
    spdlog::warn(
        "next_hop {}: max_connections = {} cannot be kept by {} worker threads, which have "
        "one connection each to a host; restart",
        hop.name,
        limit,
        workers);
  }
}

}  // namespace

Server::Server(std::shared_ptr<const Snapshot> snapshot, const LetterLog& log, Options options)
    : current_(Runtime::make(std::move(snapshot))),
      log_(log),
      options_(std::move(options)),
      began_with_(StartSettings::of(runtime()->config())) {}

Server::~Server() {
  // Workers first: sessions hold tickets of gate_, deliveries letters of the spool.
  end_workers();
}

Result<void, BindError> Server::open_spool() {
  if (options_.spool) {
    spool_ = std::move(options_.spool);
    return {};
  }
  spool::Options options;
  options.data_dir = data_dir_ = runtime()->config().data_dir;
  options.reserve_octets = runtime()->config().limits.disk_reserve;
  options.on_damaged = [](spool::MessageId id, const std::string& why) {
    metrics::counter("postern_queue_damaged_messages_total").add();
    spdlog::error("letter {} was moved aside: {}", id.str(), why);
  };
  options.on_trouble = [](const std::string& what) { spdlog::error("spool: {}", what); };
  if (options_.control.empty()) options_.control = control_path(options.data_dir);
  if (options_.records.empty()) options_.records = records_path(options.data_dir);
  auto opened = spool::Spool::open(std::move(options));
  if (!opened) return BindError{"data_dir: " + opened.error().text};
  spool_ = std::move(*opened);
  return {};
}

/// Behind open_spool(), which has data_dir for this process alone.
Result<void, BindError> Server::open_control() {
  if (options_.control.empty()) return {};
  auto opened = Control::open(context_.get_executor(), options_.control);
  if (!opened) return BindError{opened.error()};
  control_ = *std::move(opened);
  return {};
}

Result<void, BindError> Server::bind() {
  Result<void, BindError> opened = open_spool();
  if (opened) opened = open_control();
  if (opened) opened = open_metrics();
  if (!opened) return opened.error();
  open_recorder();
  const std::shared_ptr<const Runtime> now = runtime();
  for (const ListenerConfig& listener : now->config().listeners) {
    const Parsed<Bind> where = parse_bind(listener.bind);  // the config was read: it is one
    const net::Endpoint endpoint(where->address, where->port);
    net::Acceptor acceptor(context_.get_executor());
    boost::system::error_code ec;
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec && endpoint.address().is_v6()) acceptor.set_option(boost::asio::ip::v6_only(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(kBacklog, ec);
    if (ec)
      return BindError{fmt::format(
          "listener {}: cannot listen on {}: {}", listener.name, listener.bind, ec.message())};
    bound_.push_back(Bound{listener.name, acceptor.local_endpoint()});
    auto listening =
        std::make_unique<Listening>(Listening{listener.name, listener.bind, std::move(acceptor)});
    listening_.push_back(std::move(listening));
  }
  return {};
}

void Server::start_workers() {
  const std::shared_ptr<const Runtime> now = runtime();
  const Config& config = now->config();
  Worker::ResolverFactory resolver = options_.resolver;
  if (!resolver) {
    resolver = [dns = config.dns](const net::Executor& executor) {
      return std::unique_ptr<dns::Resolver>(std::make_unique<dns::CaresResolver>(executor, dns));
    };
  }
  queue::HopPoolConfig pool = pool_config(config, bound_);
  const std::size_t threads = options_.threads != 0 ? options_.threads : config.limits.threads;
  const std::size_t count =
      threads != 0 ? threads : workers_for(config, std::thread::hardware_concurrency());
  pool.pools = count;
  pool.health = health_;
  pool.verifying = verifying_;
  make_tls_services(pool, resolver);
  queue::EngineOptions engine;
  storm_->set_per_minute(config.retry.reports_per_minute);
  engine.storm = storm_;
  engine.routing = [this] { return view_of(runtime()); };
  engine.log = [this](const queue::DeliveryEvent& event) { write_delivery(log_, event); };
  engine.pools = count;
  EnvelopeRecorder* const recorder = recorder_.get();
  // Clients wait when bodies fill their memory: what waits for a hop must not be all of it.
  engine.hot_octets =
      std::min(engine.hot_octets, static_cast<std::int64_t>(config.limits.body_memory / 2));
  for (std::size_t i = 0; i < count; ++i)
    workers_.push_back(std::make_unique<Worker>(pool,
                                                resolver,
                                                *spool_,
                                                engine,
                                                log_,
                                                current_,
                                                recorder,
                                                &authenticator_,
                                                &gate_,
                                                config.dns));
  make_prober(pool, resolver);
}

/// What was in the spool when it was opened, to the workers in turn.
void Server::recover(const std::stop_token& stop) {
  std::vector<std::vector<queue::Engine::Recovered>> batches(workers_.size());
  const auto hand_over = [&](std::size_t to) {
    workers_[to]->engine().post_recovered(std::exchange(batches[to], {}));
  };
  std::size_t next = 0;
  const std::size_t found =
      spool_->scan(spool::Spool::Which::recovered, [&](spool::MessageId id, const auto& envelope) {
        if (stop.stop_requested()) return;
        auto& batch = batches[next];
        for (queue::Engine::Recovered& one : queue::Engine::waiting_of(id, envelope))
          batch.push_back(std::move(one));
        if (batch.size() >= kBatch) hand_over(next);
        next = (next + 1) % workers_.size();
      });
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (!batches[i].empty()) hand_over(i);
  }
  spdlog::info("{} letters were in the queue", found);
}

void Server::run() {
  start_workers();
  recovery_ = std::jthread([this](const std::stop_token& stop) { recover(stop); });
  if (control_) {
    std::vector<Worker*> workers;
    for (const std::unique_ptr<Worker>& worker : workers_)
      workers.push_back(worker.get());
    control_->show_waves([this] { return runtime()->config().routing.waves; });
    control_->show_hops([this] { return runtime()->config().routing.next_hops; }, health_);
    control_->show_tls_reports(tls_reports_.get());
    control_->show_metrics([this] { return metrics_page(); });
    control_->serve(*spool_, std::move(workers), reload_handler_);
  }
  for (const std::unique_ptr<Listening>& listening : listening_) {
    boost::asio::co_spawn(context_, accept_loop(*listening), boost::asio::detached);
  }
  boost::asio::co_spawn(context_, watch_files(), boost::asio::detached);
  context_.run();
  recovery_.request_stop();
  recovery_.join();
  if (tls_reports_) tls_reports_->stop();
  control_.reset();  // its requests wait for reports and workers
  metrics_.reset();
  end_workers();
  stop_reading();
}

/// What is left of sessions and deliveries ends here. The spool's last callbacks need the loops of
/// those that wait for them, and messages go before the spool does.
void Server::end_workers() {
  if (prober_) prober_->stop();
  if (tls_reports_) tls_reports_->stop();  // it sends by way of workers
  for (const std::unique_ptr<Worker>& worker : workers_)
    worker->stop_and_join();
  if (spool_) spool_->close();
  workers_.clear();
}

Worker& Server::least_loaded() {
  const auto fewer = [](const auto& a, const auto& b) { return a->sessions() < b->sessions(); };
  return **std::min_element(workers_.begin(), workers_.end(), fewer);
}

net::Awaitable<void> Server::accept_loop(Listening& listening) {
  // A pending accept holds a socket of a worker's loop: it must be gone before the worker is.
  ++accepting_;
  co_await accept_clients(listening);
  --accepting_;
}

net::Awaitable<void> Server::accept_clients(Listening& listening) {
  net::Timer pause(context_.get_executor());
  while (!stopping_) {
    Worker& worker = least_loaded();
    auto [ec, socket] =
        co_await listening.acceptor.async_accept(worker.context().get_executor(), net::as_result);
    if (stopping_ || ec == boost::asio::error::operation_aborted) co_return;
    if (ec) {
      spdlog::warn("listener {}: accept: {}", listening.name, ec.message());
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(net::as_result);
      continue;
    }
    serve(std::move(socket), worker, listening.name);
  }
}

void Server::serve(net::Socket socket, Worker& worker, const std::string& name) {
  const std::shared_ptr<const Runtime> now = runtime();
  boost::system::error_code ec;
  const net::Endpoint remote = socket.remote_endpoint(ec);
  const ListenerRuntime* listener = now->find(name);
  if (ec || listener == nullptr) return;
  const IpAddress client = plain_ip(remote.address());
  Admission::Ticket ticket;
  const bool for_others =
      listener->balancers.contains(client) || listener->xclient.contains(client);
  const smtp::Reply refusal = gate_.enter(now->config(), name, client, for_others, ticket);
  if (refusal.code() != 0) {
    // Who begins with TLS can read no reply before it: the connection is just closed.
    if (!listener->options.implicit_tls) turn_away(std::move(socket), refusal);
    return;
  }
  worker.adopt(std::move(socket), now, *listener, std::move(ticket));
}

std::vector<std::string> Server::reload(std::shared_ptr<const Snapshot> snapshot) {
  const std::shared_ptr<const Runtime> next = Runtime::make(std::move(snapshot));
  std::vector<std::string> need_restart;
  for (const ListenerConfig& listener : next->config().listeners) {
    const auto same = [&listener](const auto& l) {
      return l->name == listener.name && l->bind == listener.bind;
    };
    if (std::none_of(listening_.begin(), listening_.end(), same))
      need_restart.push_back(listener.name);
  }
  for (const std::unique_ptr<Listening>& l : listening_) {
    if (next->find(l->name) == nullptr) need_restart.push_back(l->name);
  }
  if (recorder_) recorder_->keep(next->config().record.envelopes);
  storm_->set_per_minute(next->config().retry.reports_per_minute);
  current_.set(next);
  watch_hops();
  // The list of workers is that thread's.
  boost::asio::post(context_,
                    [this, next] { warn_of_few_connections(next->config(), workers_.size()); });
  return need_restart;
}

}  // namespace postern::gateway
