// SPDX-License-Identifier: Apache-2.0
#include "queue/hop_prober.h"

#include "base/printable.h"
#include "dns/name.h"
#include "dns/targets.h"
#include "queue/tls_plan.h"
#include "smtp/session/client_session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <utility>

namespace postern::queue {
namespace {

using Tls = routing::NextHop::Tls;

/// Beside two pauses, how long a host counts as down when no other probe of it ends.
constexpr std::chrono::seconds kLapse{60};

void report(const std::exception_ptr& error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    spdlog::error("a probe ended by an exception: {}", e.what());
  }
}

void tell(const HostUse& use, const net::Endpoint& host, bool good, const std::string& failure) {
  const std::string address = host.address().to_string();
  if (good) {
    spdlog::info("next hop {}: {} ({}) answers again", use.hop, use.host, address);
  } else {
    spdlog::warn("next hop {}: {} ({}) is down: {}", use.hop, use.host, address, failure);
  }
}

}  // namespace

struct HopProber::Core {
  /// One host that is looked after.
  struct Watch {
    Watch(net::Executor executor, const routing::NextHop& of, routing::HostSpec what)
        : hop(of.name),
          host(std::move(what)),
          pause(of.probe),
          tls(of.tls),
          tls_settings(of.tls_settings),
          timer(executor) {}
    bool is_for(const routing::NextHop& of, const routing::HostSpec& what) const {
      return hop == of.name && host.str() == what.str() && pause == of.probe && tls == of.tls &&
             tls_settings == of.tls_settings;
    }
    const std::string hop;
    const routing::HostSpec host;
    const std::chrono::seconds pause;
    const Tls tls;
    const routing::TlsSettings tls_settings;
    net::Timer timer;
    bool over = false;
  };
  using WatchPtr = std::shared_ptr<Watch>;

  explicit Core(HopProberConfig with)
      : config(std::move(with)),
        random(std::random_device()()),
        work(context.get_executor()),
        resolver(config.resolver(context.get_executor())),
        thread([this] { context.run(); }) {}

  ~Core() { stop(); }
  Core(Core&&) = delete;

  void stop() {
    work.reset();
    context.stop();
    if (thread.joinable()) thread.join();
  }
  void take(const std::vector<routing::NextHop>& hops);
  net::Awaitable<void> look_after(WatchPtr watch);
  net::Awaitable<void> probe_all(WatchPtr watch);
  net::Awaitable<void> probe(WatchPtr watch, dns::Target target);
  net::Awaitable<dns::Targets> targets_of(const routing::HostSpec& host);
  bool is_own(const net::Endpoint& endpoint) const;
  std::shared_ptr<const tls::Context> verifying(const std::string& ca) const;
  smtp::ClientOptions options_for(const Watch& watch, const dns::Target& target) const;

  const HopProberConfig config;
  std::mt19937 random;
  // As in gateway/worker.h: the resolver and the timers are of the loop and go before it;
  // coroutines under way go with it, and touch nothing of this in their end.
  net::IoContext context{1};
  net::asio::executor_work_guard<net::Executor> work;
  std::unique_ptr<dns::Resolver> resolver;
  std::vector<WatchPtr> watches;
  std::thread thread;
};

void HopProber::Core::take(const std::vector<routing::NextHop>& hops) {
  std::vector<WatchPtr> before = std::exchange(watches, {});
  for (const routing::NextHop& hop : hops) {
    if (hop.probe.count() == 0) continue;
    for (const routing::HostSpec& host : hop.hosts) {
      const auto same = [&](const WatchPtr& watch) { return watch && watch->is_for(hop, host); };
      const auto found = std::find_if(before.begin(), before.end(), same);
      if (found != before.end()) {
        watches.push_back(std::exchange(*found, nullptr));
        continue;
      }
      watches.push_back(std::make_shared<Watch>(context.get_executor(), hop, host));
      net::asio::co_spawn(context, look_after(watches.back()), report);
    }
  }
  for (const WatchPtr& watch : before) {
    if (!watch) continue;
    watch->over = true;
    watch->timer.cancel();
    config.health->end_probes(HostUse{watch->hop, watch->host.str()});
  }
}

net::Awaitable<void> HopProber::Core::look_after(WatchPtr watch) {
  while (!watch->over) {
    co_await probe_all(watch);
    if (watch->over) co_return;
    watch->timer.expires_after(watch->pause);
    co_await watch->timer.async_wait(net::as_result);
  }
}

net::Awaitable<dns::Targets> HopProber::Core::targets_of(const routing::HostSpec& host) {
  if (host.mx) return dns::mail_targets(*resolver, host.host, host.port, random);
  return dns::host_targets(*resolver, host.host, host.port);
}

/// The addresses of one host, one after the other.
net::Awaitable<void> HopProber::Core::probe_all(WatchPtr watch) {
  const dns::Targets found = co_await targets_of(watch->host);
  for (const dns::Target& target : found.targets) {
    if (watch->over) co_return;
    if (is_own(target.endpoint)) continue;
    co_await probe(watch, target);
  }
}

net::Awaitable<void> HopProber::Core::probe(WatchPtr watch, dns::Target target) {
  smtp::ClientSession session(context.get_executor(), options_for(*watch, target));
  const bool good = co_await session.open(target.endpoint, target.host);
  if (!watch->over) {
    const net::TimePoint now = net::Clock::now();
    HostState::Probe found{now, good, good ? "" : printable(session.failure().sentence())};
    const HostUse use{watch->hop, watch->host.str()};
    const std::string failure = found.failure;
    const net::TimePoint lapses = now + 2 * watch->pause + kLapse;
    if (config.health->probed(target.endpoint, use, std::move(found), lapses)) {
      tell(use, target.endpoint, good, failure);
    }
    // A host that failed within a session is no better for its greeting.
    const net::TimePoint avoided = config.health->avoided_until(target.endpoint, now);
    const bool is_news = good && avoided == net::TimePoint();
    if (is_news && config.on_good) config.on_good(watch->hop);
  }
  co_await session.quit();
}

bool HopProber::Core::is_own(const net::Endpoint& endpoint) const {
  const std::vector<net::Endpoint>& own = config.own_endpoints;
  return std::find(own.begin(), own.end(), endpoint) != own.end();
}

smtp::ClientOptions HopProber::Core::options_for(const Watch& watch,
                                                 const dns::Target& target) const {
  using Profile = smtp::ClientProfile;
  smtp::ClientOptions out;
  out.profile.hostname = config.hostname;
  TlsQuestion question;
  question.level = watch.tls;
  question.settings = watch.tls_settings;
  question.host = dns::query_name(target.host).value_or(target.host);
  // Under "may" a delivery goes on without TLS: the rest of the session tells. Where DNS or a
  // policy has the last word, no probe asks for it.
  const std::optional<TlsPlan> plan = plan_at_once(question);
  out.profile.tls = Profile::Tls::none;
  out.tls = config.tls;
  if (plan && plan->level == Profile::Tls::encrypt) {
    out.profile.tls = Profile::Tls::encrypt;
    out.tls_terms.server_name = plan->sni.empty() ? question.host : plan->sni;
    out.tls_terms.check = plan->check;
    if (plan->check) out.tls = verifying(plan->ca);
  }
  out.timeouts = config.timeouts;
  smtp::ClientTimeouts& t = out.timeouts;
  for (std::chrono::seconds* part : {&t.connect, &t.greeting, &t.ehlo, &t.tls, &t.quit})
    *part = std::min(*part, config.step);
  return out;
}

/// Null: there is none, and the probe fails as a delivery does.
std::shared_ptr<const tls::Context> HopProber::Core::verifying(const std::string& ca) const {
  if (!config.verifying) return nullptr;
  auto found = config.verifying->get(ca);
  return found ? *found : nullptr;
}

HopProber::HopProber(HopProberConfig config) : core_(std::make_unique<Core>(std::move(config))) {}

HopProber::~HopProber() = default;

void HopProber::stop() {
  core_->stop();
}

void HopProber::watch(std::vector<routing::NextHop> hops) {
  net::asio::post(core_->context,
                  [core = core_.get(), hops = std::move(hops)] { core->take(hops); });
}

}  // namespace postern::queue
