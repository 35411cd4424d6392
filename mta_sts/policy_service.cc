// SPDX-License-Identifier: Apache-2.0
#include "mta_sts/policy_service.h"

#include "base/waiter.h"
#include "dns/name.h"
#include "mta_sts/policy_fetch.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace postern::mta_sts {
namespace {

using namespace std::chrono_literals;
using VerdictSlot = Waiter<Verdict>::SlotPtr;

/// How long somebody waits beside the fetch: for DNS, which has its own time limits.
constexpr std::chrono::seconds kDnsTime{30};
/// Deliveries that wait for one domain's policy; the next ones go on without it.
constexpr std::size_t kMostWaiting = 1000;
/// Domains that one sweep asks about.
constexpr std::size_t kSweepAtMost = 50;
/// Of the domains known, the part that goes when there are too many.
constexpr std::size_t kPart = 8;
/// That a domain's policy could not be had is remembered so long behind the last who asked, so that
/// of those who do only the first waits for a web server that does not answer.
constexpr std::chrono::hours kFailureKept{24};
/// A policy that nobody has asked for so long is not fetched anew.
constexpr std::chrono::hours kUnused{30 * 24};

void report_exception(const std::exception_ptr& error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    spdlog::error("mta-sts: ended by an exception: {}", e.what());
  }
}

/// One domain.
struct Known {
  std::optional<StoredPolicy> stored;
  Verdict otherwise;    ///< what is told while no policy is in force
  WallTime check_at{};  ///< nobody is asked before
  WallTime used{};
  bool asking = false;
  std::vector<VerdictSlot> waiting;

  bool has_failed() const { return otherwise.kind != Verdict::Kind::none; }
  bool in_force(WallTime now) const { return stored && stored->ends() > now; }
  Verdict verdict(WallTime now) const {
    if (!in_force(now)) return otherwise;
    return Verdict{Verdict::Kind::found, stored->policy, stored->id, otherwise.detail};
  }
};

}  // namespace

struct PolicyService::Core {
  explicit Core(Options how);
  ~Core() { stop(); }
  Core(Core&&) = delete;

  void stop();
  void begin(const std::string& domain, Known& known);
  void make_room();
  net::Awaitable<void> look_up(std::string domain);
  void settle(const std::string& domain, const Looked& looked);
  net::Awaitable<void> sweep_again_and_again();
  void sweep();
  std::vector<std::string> renew_and_forget();

  const Options options;
  PolicyStore store;  ///< the thread's that runs
  mutable std::mutex mutex;
  std::unordered_map<std::string, Known> domains;
  bool stopped = false;
  // The resolver and the timers are of the loop and go before it; coroutines under way go with it,
  // and touch nothing of this in their end.
  net::IoContext context{1};
  net::asio::executor_work_guard<net::Executor> work;
  std::unique_ptr<dns::Resolver> resolver;
  HttpsClient https;
  net::Timer timer;
  std::thread thread;
};

PolicyService::Core::Core(Options how)
    : options(std::move(how)),
      store(options.folder),
      work(context.get_executor()),
      resolver(options.resolver(context.get_executor())),
      https(options.https),
      timer(context.get_executor()) {
  const WallTime now = options.now();
  for (auto& [domain, stored] : store.load(now, options.domains)) {
    Known known;
    known.used = stored.fetched;
    known.stored = std::move(stored);
    domains.emplace(domain, std::move(known));
  }
  net::asio::co_spawn(context, sweep_again_and_again(), report_exception);
  thread = std::thread([this] { context.run(); });
}

void PolicyService::Core::stop() {
  work.reset();
  context.stop();
  if (thread.joinable()) thread.join();
  const std::lock_guard lock(mutex);
  stopped = true;
  for (auto& [domain, known] : domains) {
    for (const VerdictSlot& slot : std::exchange(known.waiting, {}))
      Waiter<Verdict>::give(slot, Verdict());
  }
}

/// Asks about a domain on the thread; under the lock.
void PolicyService::Core::begin(const std::string& domain, Known& known) {
  known.asking = true;
  net::asio::post(
      context, [this, domain] { net::asio::co_spawn(context, look_up(domain), report_exception); });
}

/// Under the lock: those that were not asked for the longest time go, and first of all those
/// without a policy.
void PolicyService::Core::make_room() {
  if (domains.size() < options.domains) return;
  const WallTime now = options.now();
  struct Old {
    bool in_force;
    WallTime used;
    std::string domain;
  };
  std::vector<Old> all;
  for (const auto& [domain, known] : domains) {
    if (!known.asking) all.push_back(Old{known.in_force(now), known.used, domain});
  }
  const std::size_t count = std::min(all.size(), options.domains / kPart + 1);
  const auto middle = all.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(all.begin(), middle, all.end(), [](const Old& a, const Old& b) {
    return std::tie(a.in_force, a.used) < std::tie(b.in_force, b.used);
  });
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = domains.find(all[i].domain);
    if (at->second.stored) {
      net::asio::post(context, [this, domain = all[i].domain] { store.remove(domain); });
    }
    domains.erase(at);
  }
}

net::Awaitable<void> PolicyService::Core::look_up(std::string domain) {
  std::optional<StoredPolicy> before;
  {
    const std::lock_guard lock(mutex);
    if (const auto at = domains.find(domain); at != domains.end()) before = at->second.stored;
  }
  const FetchTools tools{resolver.get(), &https, options.port, options.now};
  const Looked looked = co_await look(domain, before, tools);
  settle(domain, looked);
}

void PolicyService::Core::settle(const std::string& domain, const Looked& looked) {
  const WallTime now = options.now();
  const bool fetched = looked.outcome == Looked::Outcome::fetched;
  if (fetched) {
    spdlog::info("mta-sts: {}: policy {} ({}, for {} s)",
                 domain,
                 looked.stored.id,
                 name_of(looked.stored.policy.mode),
                 looked.stored.policy.max_age.count());
    if (!store.save(domain, looked.stored))
      spdlog::warn("mta-sts: the policy of {} cannot be written to {}", domain, options.folder);
  }
  const std::lock_guard lock(mutex);
  Known& known = domains[domain];
  known.asking = false;
  known.check_at = now + looked.pause;
  if (fetched) known.stored = looked.stored;
  if (looked.outcome != Looked::Outcome::unchanged) known.otherwise = looked.otherwise;
  if (looked.otherwise.kind != Verdict::Kind::none) {
    spdlog::warn("mta-sts: {}: {}{}",
                 domain,
                 looked.otherwise.detail,
                 known.in_force(now) ? "; the policy of before stays in force" : "");
  }
  for (const VerdictSlot& slot : std::exchange(known.waiting, {}))
    Waiter<Verdict>::give(slot, known.verdict(now));
}

net::Awaitable<void> PolicyService::Core::sweep_again_and_again() {
  for (;;) {
    timer.expires_after(options.sweep);
    co_await timer.async_wait(net::as_result);
    sweep();
  }
}

void PolicyService::Core::sweep() {
  // Workers wait for the lock: files are removed behind it. They are written by this thread alone.
  const std::vector<std::string> ended = renew_and_forget();
  for (const std::string& domain : ended)
    store.remove(domain);
}

/// Renews what is used and half over, and forgets what has ended: those whose files are to go.
std::vector<std::string> PolicyService::Core::renew_and_forget() {
  std::vector<std::string> ended;
  const std::lock_guard lock(mutex);
  const WallTime now = options.now();
  std::size_t begun = 0;
  for (auto at = domains.begin(); at != domains.end();) {
    Known& known = at->second;
    if (!known.in_force(now) && now >= known.check_at && !known.asking) {
      if (known.stored) ended.push_back(at->first);
      known.stored.reset();
      if (!known.has_failed() || now >= known.used + kFailureKept) {
        at = domains.erase(at);
        continue;
      }
    }
    const bool due = known.in_force(now) && now >= known.check_at && now < known.used + kUnused &&
                     is_half_over(*known.stored, now);
    if (due && !known.asking && begun < kSweepAtMost) {
      ++begun;
      begin(at->first, known);
    }
    ++at;
  }
  return ended;
}

PolicyService::PolicyService(Options options) : core_(std::make_unique<Core>(std::move(options))) {}

PolicyService::~PolicyService() = default;

void PolicyService::stop() {
  core_->stop();
}

Verdict PolicyService::known(const std::string& domain) const {
  const std::optional<std::string> name = dns::query_name(domain);
  const std::lock_guard lock(core_->mutex);
  const auto at = name ? core_->domains.find(*name) : core_->domains.end();
  return at == core_->domains.end() ? Verdict() : at->second.verdict(core_->options.now());
}

net::Awaitable<Verdict> PolicyService::policy(std::string domain) {
  const std::optional<std::string> name = dns::query_name(domain);
  if (!name) co_return Verdict();
  const net::Executor executor = co_await net::asio::this_coro::executor;
  Waiter<Verdict> waiter(executor);
  {
    const std::lock_guard lock(core_->mutex);
    if (core_->stopped) co_return Verdict();
    const WallTime now = core_->options.now();
    if (!core_->domains.contains(*name)) core_->make_room();
    Known& known = core_->domains[*name];
    known.used = now;
    const bool due = now >= known.check_at;
    if (due && !known.asking) core_->begin(*name, known);
    const bool is_settled = known.in_force(now) || known.has_failed() || !known.asking;
    if (is_settled || known.waiting.size() >= kMostWaiting) co_return known.verdict(now);
    known.waiting.push_back(waiter.slot());
  }
  const std::chrono::milliseconds limit = core_->options.https.limit + kDnsTime;
  const std::optional<Verdict> verdict = co_await waiter.wait(limit);
  co_return verdict.value_or(Verdict());
}

}  // namespace postern::mta_sts
