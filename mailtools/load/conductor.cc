// SPDX-License-Identifier: Apache-2.0
#include "mailtools/load/conductor.h"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <ostream>
#include <unistd.h>
#include <utility>

namespace postern::load {
namespace asio = net::asio;
namespace {

/// For letters under way when a run is ended early.
constexpr std::chrono::seconds kGrace{5};
constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::milliseconds kLook{10};
/// All threads have the schedule before its first letter is due.
constexpr std::chrono::milliseconds kLead{20};

double share_of(std::chrono::nanoseconds part, std::chrono::nanoseconds whole) {
  if (whole.count() <= 0) return 0;
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

void add_undelivered(Outcome& outcome) {
  const auto add = [&outcome](smtp::ClientStep step, std::string_view what, std::uint64_t count) {
    if (count == 0) return;
    Failure failure{Failure::Kind::undelivered, step};
    failure.detail = fmt::format("{} taken, and not arrived at the sink", what);
    outcome.figures.errors.add(failure, count);
  };
  add(smtp::ClientStep::data_done, "letters", outcome.letters_missing());
  add(smtp::ClientStep::rcpt, "recipients", outcome.recipients_missing());
}

}  // namespace

Conductor::Conductor(const Plan& plan, const Arrived* arrived, std::ostream& err)
    : plan_(plan),
      arrived_(arrived),
      err_(err),
      shows_(!plan.options.quiet && ::isatty(STDERR_FILENO) == 1),
      common_(plan.options.sources),
      tick_(context_.get_executor()),
      patience_(context_.get_executor()),
      signals_(context_, SIGINT, SIGTERM) {}

Outcome Conductor::run() {
  const auto tell = [this](void (Conductor::*what)()) {
    return [this, what] { asio::post(context_, [this, what] { (this->*what)(); }); };
  };
  for (std::size_t i = 0; i < plan_.options.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(
        plan_, common_, i, tell(&Conductor::on_held), tell(&Conductor::on_done)));
  }
  await_signal();
  last_tick_ = net::Clock::now();
  if (shows_) await_tick();
  for (const auto& worker : workers_)
    worker->hold();
  context_.run();
  if (shows_) err_ << "\r\x1b[K" << std::flush;
  return collect();
}

void Conductor::on_held() {
  if (++held_ < workers_.size() || interrupted_) return;
  const Options& options = plan_.options;
  times_.start = net::Clock::now() + kLead;
  times_.counted = times_.start + options.warm_up;
  times_.end = net::TimePoint::max();
  if (options.duration.count() > 0) times_.end = times_.counted + options.duration;
  for (const auto& worker : workers_)
    worker->begin(times_);
}

void Conductor::on_done() {
  if (++done_ < workers_.size()) return;
  ended_ = net::Clock::now();
  patience_.cancel();
  for (const auto& worker : workers_) {
    worker->stop_and_join();
    figures_.merge(worker->figures());
  }
  if (arrived_ == nullptr) return context_.stop();
  last_arrival_ = ended_;
  await_arrivals();
}

bool Conductor::all_arrived(const Figures& so_far) const {
  const Deliveries deliveries = arrived_->deliveries();
  return deliveries.letters >= so_far.accepted &&
         deliveries.recipients >= so_far.recipients_accepted;
}

void Conductor::await_arrivals() {
  const std::uint64_t total = arrived_->total();
  const net::TimePoint now = net::Clock::now();
  if (total != arrived_before_) last_arrival_ = now;
  arrived_before_ = total;
  const bool late =
      now - last_arrival_ > plan_.options.sink_wait || (interrupted_ && now - ended_ > kGrace);
  if (all_arrived(figures_) || late) {
    return context_.stop();
  }
  patience_.expires_after(kLook);
  patience_.async_wait([this](net::error_code ec) {
    if (!ec) await_arrivals();
  });
}

void Conductor::await_signal() {
  signals_.async_wait([this](net::error_code ec, int) {
    if (!ec) on_signal();
  });
}

/// The first ends the run, the second what is under way; neither sessions nor the sink hold it for
/// longer than kGrace.
void Conductor::on_signal() {
  const bool at_once = interrupted_ || held_ < workers_.size() || done_ == workers_.size();
  interrupted_ = true;
  if (at_once) return context_.stop();
  for (const auto& worker : workers_)
    worker->stop();
  patience_.expires_after(kGrace);
  patience_.async_wait([this](net::error_code ec) {
    if (!ec) context_.stop();
  });
  await_signal();
}

void Conductor::await_tick() {
  tick_.expires_after(kTick);
  tick_.async_wait([this](net::error_code ec) {
    if (ec) return;
    show_progress();
    await_tick();
  });
}

void Conductor::show_progress() {
  const net::TimePoint now = net::Clock::now();
  const std::uint64_t accepted = common_.accepted.load(std::memory_order_relaxed);
  const double seconds = std::chrono::duration<double>(now - last_tick_).count();
  const double rate = static_cast<double>(accepted - accepted_before_) / seconds;
  last_tick_ = now;
  accepted_before_ = accepted;
  std::string line;
  if (times_.start == net::TimePoint{}) {
    line = fmt::format("opening idle and slow sessions: {}",
                       common_.held.load(std::memory_order_relaxed));
  } else {
    const double since = std::chrono::duration<double>(now - times_.counted).count();
    line =
        since < 0 ? fmt::format("warm-up, {:.0f} s left", -since) : fmt::format("{:.0f} s", since);
    line += fmt::format("  {} taken  {:.0f}/s  {} failed  {} sessions",
                        accepted,
                        rate,
                        common_.failed.load(std::memory_order_relaxed),
                        common_.open.load(std::memory_order_relaxed));
  }
  if (arrived_ != nullptr) line += fmt::format("  {} arrived", arrived_->total());
  err_ << "\r\x1b[K" << line << std::flush;
}

Outcome Conductor::collect() {
  const Options& options = plan_.options;
  Outcome out;
  if (done_ < workers_.size()) {
    ended_ = net::Clock::now();
    figures_ = {};
    for (const auto& worker : workers_) {
      worker->stop_and_join();
      figures_.merge(worker->figures());
    }
  }
  const std::uint64_t open = figures_.sent - figures_.accepted - figures_.failed;
  if (open > 0) {
    figures_.failed += open;
    Failure failure{Failure::Kind::interrupted, smtp::ClientStep::data_done};
    failure.detail = "under way when the run was ended";
    figures_.errors.add(failure, open);
  }
  if (arrived_ != nullptr) {
    out.deliveries = arrived_->deliveries();
  }
  const std::chrono::nanoseconds whole = ended_ - times_.start;
  for (const auto& worker : workers_) {
    out.cpu += worker->cpu();
    out.busiest_thread = std::max(out.busiest_thread, share_of(worker->cpu(), whole));
  }
  const bool all = options.messages > 0 && figures_.sent + figures_.unsent >= options.messages;
  out.ended = interrupted_ ? "interrupted" : all ? "messages" : "duration";
  out.run = plan_.contents.run();
  // A warm-up of so many letters ends where the first one behind it is due.
  const bool by_letters = options.warm_up_messages > 0 && figures_.sent > 0;
  out.counted = by_letters ? figures_.first_due : times_.counted;
  out.figures = std::move(figures_);
  add_undelivered(out);
  out.idle = options.idle;
  out.slow = options.slow;
  return out;
}

}  // namespace postern::load
