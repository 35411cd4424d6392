// SPDX-License-Identifier: Apache-2.0
#include "queue/callout_desk.h"

#include "base/printable.h"
#include "queue/callout_answers.h"
#include "queue/failure_policy.h"
#include "queue/hop_pool_impl.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>

namespace postern::queue {
namespace {

using routing::Presence;

constexpr unsigned kMostLosses = 1;
constexpr std::size_t kMostProbed = 1000;

bool needs_utf8(const smtp::Mailbox& address) {
  const std::string& text = address.text();
  return std::any_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

/// "10.0.1.10", "10.0.1.10:2525", "[2001:db8::1]:25"
std::string shown(const HopLease& lease) {
  std::string out = lease->address();
  const bool usual = out.ends_with(":25") && out.front() != '[';
  if (usual) out.resize(out.size() - 3);
  return out;
}

}  // namespace

void CalloutQuestion::give(Presence presence, std::string evidence) {
  if (!answer) return;
  std::exchange(answer, nullptr)(routing::DirectoryAnswer{presence, std::move(evidence)});
}

CalloutDesk::CalloutDesk(net::Executor executor, const CalloutSettings& settings, HopPool& pool)
    : executor_(executor),
      settings_(settings),
      pool_(pool),
      deadline_(executor),
      group_limit_(settings.batch) {
  target_.hops.push_back(&settings_.next_hop);
}

std::string CalloutDesk::label(const std::string& host) const {
  std::string out = "smtp " + settings_.name;
  if (!host.empty()) out.append(" (").append(host).append(")");
  return out + ": ";
}

std::string CalloutDesk::evidence(const HopLease& lease,
                                  const CalloutQuestion& of,
                                  const smtp::Reply& reply) const {
  std::string out = label(shown(lease)) + printable(reply.line());
  if (takes_anyone_.contains(smtp::ascii_lower(of.address.domain()))) {
    out.append("; it takes any address of this domain");
  }
  return out;
}

void CalloutDesk::count() {
  waiting_count_.store(waiting_.size(), std::memory_order_relaxed);
}

void CalloutDesk::ask(CalloutQuestion question) {
  if (waiting_.size() >= settings_.most_waiting) {
    question.give(Presence::unavailable, label({}) + "too many questions wait for an answer");
    return;
  }
  const auto shared = std::make_shared<CalloutQuestion>(std::move(question));
  waiting_.push_back(shared);
  while (!all_.empty() && !all_.front()->is_open())
    all_.pop_front();
  all_.push_back(shared);
  count();
  arm();
  if (start_is_due_) return;
  // Behind the questions that are on their way at this moment.
  start_is_due_ = true;
  net::asio::post(executor_, [this] {
    start_is_due_ = false;
    start_lanes();
  });
}

void CalloutDesk::arm() {
  if (armed_ || all_.empty()) return;
  armed_ = true;
  deadline_.expires_at(all_.front()->deadline);
  deadline_.async_wait([this](const net::error_code& ec) {
    if (ec) return;
    armed_ = false;
    expire();
  });
}

void CalloutDesk::expire() {
  const net::TimePoint now = net::Clock::now();
  while (!all_.empty() && (!all_.front()->is_open() || all_.front()->deadline <= now)) {
    const std::string limit = std::to_string(settings_.timeout.count()) + " ms";
    all_.front()->give(Presence::unavailable, label({}) + "no answer within " + limit);
    all_.pop_front();
  }
  while (!waiting_.empty() && !waiting_.front()->is_open())
    waiting_.pop_front();
  count();
  arm();
}

/// As many lanes as the questions fill, counting those that will take some as soon as they have a
/// connection.
void CalloutDesk::start_lanes() {
  const std::size_t groups = (waiting_.size() + group_limit_ - 1) / group_limit_;
  const std::size_t wanted = groups - std::min(groups, searching_);
  const std::size_t more = std::min(settings_.connections - lanes_, wanted);
  // Counted before: a lane with a kept connection takes its questions within co_spawn.
  for (std::size_t i = 0; i < more; ++i) {
    ++lanes_;
    ++searching_;
    net::asio::co_spawn(executor_, run_lane(), net::asio::detached);
  }
}

net::Awaitable<void> CalloutDesk::run_lane() {
  bool more = true;
  while (more) {
    HopSearch search(pool_.impl(), target_, TlsAsked::nothing);
    Found found = co_await search.next();
    --searching_;
    if (!found.lease) {
      no_connection(found);
      break;
    }
    co_await talk(std::move(found.lease));
    more = !waiting_.empty();
    if (more) ++searching_;
  }
  --lanes_;
}

/// Nobody who waits will fare better, unless another lane has a connection or finds one.
void CalloutDesk::no_connection(const Found& found) {
  if (lanes_ > 1) return;
  const std::string why = label({}) + printable(found.refusal.text());
  for (const Question& question : waiting_)
    question->give(Presence::unavailable, why);
  waiting_.clear();
  count();
}

/// Asks on one connection until nobody waits, or it can be used no more.
net::Awaitable<void> CalloutDesk::talk(HopLease lease) {
  while (!waiting_.empty() && lease->may_go_on(net::Clock::now())) {
    const Group group = take(lease);
    if (group.empty()) continue;
    smtp::ClientDialogue& dialogue = lease.dialogue();
    dialogue.mail(sender_of(group));
    for (const Question& question : group)
      dialogue.rcpt(smtp::Recipient{question->address, {}});
    dialogue.call_off();
    ++lease->messages;
    const bool alive = co_await lease->session.converse();
    const Group open = settle(lease, group);
    if (!alive) {
      after_loss(std::move(lease), open);
      co_return;
    }
    lease->reused = true;
  }
  lease.keep();
}

/// The next group for a connection; empty when none of those that wait can be asked on it.
CalloutDesk::Group CalloutDesk::take(const HopLease& lease) {
  const smtp::Capabilities& offered = lease.dialogue().capabilities();
  const std::uint64_t allowed = lease->candidate.limits.recipients_per_transaction;
  const std::size_t most = std::min<std::uint64_t>(
      group_limit_,
      std::max<std::uint64_t>(1, std::min(allowed, offered.rcpt_max.value_or(allowed))));
  Group group;
  while (group.size() < most && !waiting_.empty()) {
    Question question = std::move(waiting_.front());
    waiting_.pop_front();
    if (!question->is_open()) continue;
    if (needs_utf8(question->address) && !offered.smtputf8) {
      question->give(Presence::unavailable,
                     label(shown(lease)) + "it does not offer SMTPUTF8, which the address needs");
      continue;
    }
    group.push_back(std::move(question));
  }
  count();
  if (settings_.probe && !group.empty() && group.size() < most) add_probe(group);
  return group;
}

/// Before the others, so that its answer is there when theirs are read.
void CalloutDesk::add_probe(Group& group) {
  const std::string domain = smtp::ascii_lower(group.front()->address.domain());
  if (probed_.size() >= kMostProbed || !probed_.insert(domain).second) return;
  const auto probe = std::make_shared<CalloutQuestion>();
  std::uniform_int_distribution<std::uint64_t> number;
  const std::string local = fmt::format("postern-nobody-{:016x}", number(pool_.impl()->random));
  probe->address = smtp::Mailbox(local, group.front()->address.domain());
  probe->losses = kMostLosses;
  probe->answer = [this, domain](const routing::DirectoryAnswer& answer) {
    if (answer.presence == Presence::unavailable) probed_.erase(domain);
    if (answer.presence != Presence::known) return;
    takes_anyone_.insert(domain);
    spdlog::warn("{}: the server takes any address of {}: it cannot tell who exists there",
                 answer.evidence,
                 printable(domain));
  };
  group.insert(group.begin(), probe);
}

smtp::Sender CalloutDesk::sender_of(const Group& group) const {
  smtp::Sender out;
  out.path = settings_.mail_from;
  out.parameters.smtputf8 = std::any_of(group.begin(), group.end(), [](const Question& question) {
    return needs_utf8(question->address);
  });
  return out;
}

/// Gives the answers that are there; the rest is left of a connection that broke.
CalloutDesk::Group CalloutDesk::settle(const HopLease& lease, const Group& group) {
  const auto& answers = lease.dialogue().answers();
  if (answers.empty() || answers.front().reply.code() == 421) return group;
  const smtp::Reply& to_mail = answers.front().reply;
  Group again;
  Group left;
  for (std::size_t i = 0; i < group.size(); ++i) {
    CalloutQuestion& question = *group[i];
    if (!to_mail.is_positive()) {
      question.give(Presence::unavailable, evidence(lease, question, to_mail) + " (to MAIL)");
      continue;
    }
    const bool answered = i + 1 < answers.size() && answers[i + 1].reply.code() != 421;
    if (!answered) {
      left.push_back(group[i]);
      continue;
    }
    const smtp::Reply& reply = answers[i + 1].reply;
    if (is_too_many(reply) && i > 0) {
      group_limit_ = std::min(group_limit_, i);
      again.push_back(group[i]);
      continue;
    }
    question.give(presence_of(reply), evidence(lease, question, reply));
  }
  put_back(again);
  return left;
}

void CalloutDesk::put_back(const Group& group) {
  const net::TimePoint now = net::Clock::now();
  for (auto it = group.rbegin(); it != group.rend(); ++it) {
    if ((*it)->deadline > now) {
      waiting_.push_front(*it);
    } else {
      (*it)->give(Presence::unavailable, label({}) + "no answer in time");
    }
  }
  count();
}

/// The connection broke: who is left without an answer is asked for once more, at another host
/// when there is one.
void CalloutDesk::after_loss(HopLease lease, const Group& left) {
  Trouble trouble;
  trouble.scope = Scope::host;
  trouble.failure = lease->session.failure();
  // A kept connection that proved dead is no news about the server.
  trouble.reused = lease->reused && lease.dialogue().answers().empty();
  const Remedy cure = remedy(trouble, lease->candidate.label);
  if (cure.remember_down && !left.empty()) pool_.impl()->mark_down(*lease);
  const std::string why = label(shown(lease)) + printable(trouble.failure.sentence());
  lease.drop();
  Group again;
  for (const Question& question : left) {
    if (!trouble.reused && ++question->losses > kMostLosses) {
      question->give(Presence::unavailable, why);
    } else {
      again.push_back(question);
    }
  }
  put_back(again);
}

}  // namespace postern::queue
