// SPDX-License-Identifier: Apache-2.0
#include "queue/callout.h"

#include "dns/cares_resolver.h"
#include "queue/callout_desk.h"
#include "routing/answer_waiter.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>

namespace postern::queue {
namespace {

/// Whole seconds, as the client's deadlines have them; a share of the time for one answer.
std::chrono::seconds share(std::chrono::milliseconds timeout, int part) {
  return std::max(std::chrono::ceil<std::chrono::seconds>(timeout / part), std::chrono::seconds(1));
}

/// No step takes longer than the answer may, and one host never all of it while another is left.
HopPoolConfig pool_config(const CalloutSettings& settings) {
  HopPoolConfig out = settings.pool;
  const std::chrono::seconds whole = share(settings.timeout, 1);
  const std::chrono::seconds half = share(settings.timeout, 2);
  smtp::ClientTimeouts& t = out.timeouts;
  t.connect = std::min(t.connect, half);
  t.tls = std::min(t.tls, half);
  for (std::chrono::seconds* step : {&t.greeting, &t.ehlo, &t.mail, &t.rcpt, &t.rset})
    *step = std::min(*step, whole);
  t.quit = std::min(t.quit, std::chrono::seconds(1));
  out.failover_patience = std::min(out.failover_patience, half);
  out.search_limit = whole;
  out.place_wait = whole;
  out.pools = 1;
  return out;
}

CalloutSettings with_own_limits(CalloutSettings settings) {
  routing::NextHopLimits& limits = settings.next_hop.limits;
  const auto most = static_cast<unsigned>(std::min<std::size_t>(settings.connections, 1000));
  limits.connections_per_host = std::clamp(limits.connections_per_host, 1U, std::max(most, 1U));
  settings.connections = limits.connections_per_host;
  settings.batch = std::max<std::size_t>(settings.batch, 1);
  if (!settings.resolver) {
    settings.resolver = [](const net::Executor& executor) {
      return std::make_unique<dns::CaresResolver>(executor);
    };
  }
  return settings;
}

/// The way back of one answer. A question that ends unanswered, with the desk that has it, is
/// answered by that: no look-up waits for ever.
class WayBack {
 public:
  explicit WayBack(std::shared_ptr<routing::AnswerWaiter::Slot> slot) : slot_(std::move(slot)) {}
  ~WayBack() { answer({routing::Presence::unavailable, "the directory was closed"}); }
  WayBack(WayBack&&) = delete;

  /// The first answer counts.
  void answer(const routing::DirectoryAnswer& answer) { give(slot_, answer); }

 private:
  const std::shared_ptr<routing::AnswerWaiter::Slot> slot_;
};

}  // namespace

struct Callout::Core {
  explicit Core(CalloutSettings with)
      : settings(with_own_limits(std::move(with))),
        work(context.get_executor()),
        resolver(settings.resolver(context.get_executor())),
        pool(std::make_unique<HopPool>(context.get_executor(), pool_config(settings), *resolver)),
        desk(std::make_unique<CalloutDesk>(context.get_executor(), settings, *pool)),
        thread([this] { context.run(); }) {}

  ~Core() {
    work.reset();
    context.stop();
    thread.join();
  }
  Core(Core&&) = delete;

  const CalloutSettings settings;
  std::atomic<std::size_t> posted{0};  ///< on their way to the desk
  // As in gateway/worker.h: pool and resolver have sockets on the loop and go before it; coroutines
  // under way go with it, and touch the settings alone.
  net::IoContext context{1};
  net::asio::executor_work_guard<net::Executor> work;
  std::unique_ptr<dns::Resolver> resolver;
  std::unique_ptr<HopPool> pool;
  std::unique_ptr<CalloutDesk> desk;
  std::thread thread;
};

Callout::Callout(CalloutSettings settings) : core_(std::make_unique<Core>(std::move(settings))) {}

Callout::~Callout() = default;

routing::DirectoryAnswer Callout::look_up_now(const smtp::Mailbox& /*mailbox*/) const {
  return {routing::Presence::unavailable,
          "smtp " + core_->settings.name + ": it cannot be asked without waiting"};
}

net::Awaitable<routing::DirectoryAnswer> Callout::look_up(smtp::Mailbox mailbox) const {
  const net::Executor executor = co_await net::asio::this_coro::executor;
  Core& core = *core_;
  CalloutQuestion question;
  question.address = core.settings.address_given ? core.settings.address_given(mailbox) : mailbox;
  question.deadline = net::Clock::now() + core.settings.timeout;
  routing::AnswerWaiter waiter(executor);
  question.answer = [back = std::make_shared<WayBack>(waiter.slot())](
                        const routing::DirectoryAnswer& answer) { back->answer(answer); };
  ++core.posted;
  net::asio::post(core.context, [&core, q = std::move(question)]() mutable {
    --core.posted;
    core.desk->ask(std::move(q));
  });
  // The desk keeps to the time; twice of it is for a desk that is stuck.
  std::optional<routing::DirectoryAnswer> answer = co_await waiter.wait(2 * core.settings.timeout);
  if (answer) co_return std::move(*answer);
  co_return routing::DirectoryAnswer{routing::Presence::unavailable,
                                     "smtp " + core.settings.name + ": no answer in time"};
}

std::size_t Callout::waiting() const {
  return core_->desk->waiting() + core_->posted;
}

}  // namespace postern::queue
