// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/worker.h"

#include "base/date.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <ctime>
#include <utility>

namespace postern::load {
namespace asio = net::asio;
namespace {

/// How long a session of the closed loop waits behind a connection that failed.
constexpr std::chrono::milliseconds kPause{100};
/// Sessions with tickets that are kept, for as many connections at a time.
constexpr std::size_t kTickets = 10'000;

std::shared_ptr<tls::SessionCache> make_cache() {
  tls::SessionCache::Limits limits;
  limits.keys = 1;
  limits.per_key = kTickets;
  return std::make_shared<tls::SessionCache>(limits);
}

std::chrono::nanoseconds thread_cpu() {
  timespec spent{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

}  // namespace

Worker::Worker(const Plan& plan,
               Common& common,
               std::size_t part,
               std::function<void()> on_held,
               std::function<void()> on_done)
    : plan_(plan),
      common_(common),
      part_(part),
      on_held_(std::move(on_held)),
      on_done_(std::move(on_done)),
      sessions_(make_cache()),
      work_(context_.get_executor()),
      thread_([this] { run(); }) {}

Worker::~Worker() {
  stop_and_join();
}

void Worker::run() {
  context_.run();
  if (!done_) cpu_ = thread_cpu() - cpu_at_begin_;
}

void Worker::start(net::Awaitable<void> what) {
  asio::co_spawn(context_, std::move(what), [](const std::exception_ptr& defect) {
    // Nobody would learn that a session is missing: better no figures than wrong ones.
    if (defect) std::rethrow_exception(defect);
  });
}

void Worker::stop_and_join() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

void Worker::begin(Times times) {
  asio::post(context_, [this, times] {
    const Options& options = plan_.options;
    times_ = times;
    cpu_at_begin_ = thread_cpu();
    if (options.sessions > 0) {
      active_ = share(options.sessions, part_, options.threads);
      for (std::size_t i = active_; i > 0; --i)
        start(closed_session());
      if (active_ == 0) on_done_();
      return;
    }
    arrivals_.emplace(options.arrivals, options.rate, times.start, part_, options.threads);
    uncounted_left_ = share(options.warm_up_messages, part_, options.threads);
    counted_left_ =
        options.messages == 0 ? ~std::uint64_t{0} : share(options.messages, part_, options.threads);
    active_ = 1;
    start(dispatch());
  });
}

void Worker::stop() {
  asio::post(context_, [this] {
    stopping_ = true;
    for (Sleeper* sleeper : asleep_)
      sleeper->timer.cancel();
    if (dispatcher_ != nullptr) dispatcher_->cancel();
  });
}

void Worker::session_ended() {
  if (--active_ > 0) return;
  count_unsent();
  done_ = true;
  cpu_ = thread_cpu() - cpu_at_begin_;
  on_done_();
}

std::unique_ptr<Link> Worker::make_link(Figures& figures) {
  return std::make_unique<Link>(
      context_.get_executor(), plan_, common_.sources, sessions_, figures);
}

const std::string& Worker::date() {
  const net::TimePoint now = net::Clock::now();
  if (now >= date_until_) {
    date_ = rfc5322_date(std::chrono::system_clock::now());
    date_until_ = now + std::chrono::seconds(1);
  }
  return date_;
}

void Worker::fill_in(Letter& letter) {
  letter.number = common_.numbers.fetch_add(1, std::memory_order_relaxed);
  const Mix& recipients = plan_.options.recipients;
  letter.part = plan_.options.size.pick(scatter(2 * letter.number));
  letter.recipients = recipients.parts[recipients.pick(scatter(2 * letter.number + 1))].value;
  letter.first_user = common_.users.fetch_add(letter.recipients, std::memory_order_relaxed);
}

std::optional<Letter> Worker::next_closed() {
  Letter letter;
  letter.due = net::Clock::now();
  if (stopping_ || letter.due >= times_.end) return std::nullopt;
  fill_in(letter);
  const std::uint64_t begun = common_.begun.fetch_add(1, std::memory_order_relaxed);
  const Options& options = plan_.options;
  letter.counted = letter.due >= times_.counted && begun >= options.warm_up_messages;
  if (!letter.counted || options.messages == 0) return letter;
  // A number that was drawn and not used is a gap, and nothing else.
  if (common_.counted.fetch_add(1, std::memory_order_relaxed) >= options.messages) {
    return std::nullopt;
  }
  return letter;
}

net::Awaitable<void> Worker::closed_session() {
  std::unique_ptr<Link> link;
  net::Timer timer(context_.get_executor(), times_.start);
  [[maybe_unused]] const auto started = co_await timer.async_wait(net::as_result);
  for (;;) {
    std::optional<Letter> letter = next_closed();
    if (!letter) break;
    const bool connected = co_await deliver(link, *letter);
    if (connected) continue;
    timer.expires_after(kPause);
    [[maybe_unused]] const auto waited = co_await timer.async_wait(net::as_result);
  }
  if (link) {
    common_.open.fetch_sub(1, std::memory_order_relaxed);
    co_await link->quit();
  }
  session_ended();
}

/// Sends it over `link`, which is made anew where there is none, and is null afterwards where it
/// cannot be used any more. False: there was no connection to be had.
net::Awaitable<bool> Worker::deliver(std::unique_ptr<Link>& link, Letter letter) {
  if (letter.counted) {
    ++figures_.sent;
    figures_.first_due = std::min(figures_.first_due, letter.due);
    figures_.behind = std::max(figures_.behind, net::Clock::now() - letter.due);
  }
  Sent sent;
  bool connected = true;
  for (int tries = 0; tries < 2; ++tries) {
    if (!link) {
      link = make_link(figures_);
      connected = co_await link->open();
      if (!connected) {
        ++figures_.connections_failed;
        if (letter.counted) figures_.errors.add(link->failure());
        link.reset();
        break;
      }
      common_.open.fetch_add(1, std::memory_order_relaxed);
    }
    sent = co_await link->send(letter, date());
    const bool spent = plan_.options.reuse != 0 && link->letters() >= plan_.options.reuse;
    const bool usable = link->is_open();
    if (usable && !spent) break;
    common_.open.fetch_sub(1, std::memory_order_relaxed);
    if (usable) {
      settle(letter, sent);
      co_await link->quit();
      link.reset();
      co_return true;
    }
    link.reset();
    if (!sent.stale) break;
    if (letter.counted) ++figures_.retried;
  }
  if (sent.end == net::TimePoint{}) sent.end = net::Clock::now();
  settle(letter, sent);
  co_return connected;
}

void Worker::settle(const Letter& letter, const Sent& sent) {
  std::atomic<std::uint64_t>& total = sent.accepted ? common_.accepted : common_.failed;
  total.fetch_add(1, std::memory_order_relaxed);
  if (!letter.counted) return;
  figures_.recipients_accepted += sent.recipients;
  figures_.recipients_refused += letter.recipients - sent.recipients;
  figures_.last_end = std::max(figures_.last_end, sent.end);
  if (!sent.accepted) {
    ++figures_.failed;
    return;
  }
  ++figures_.accepted;
  figures_.octets += plan_.contents.octets(letter.part);
  figures_.letter.record(sent.end - letter.due);
}

}  // namespace postern::load
