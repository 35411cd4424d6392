// SPDX-License-Identifier: Apache-2.0
// What operators do to messages in the queue.
#include "queue/engine_impl.h"
#include "queue/spool/errors.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace postern::queue {
namespace {

using smtp::Reply;
using spool::Fate;
using Outcome = DeliveryEvent::Outcome;

/// Every pending recipient of `only` (all, when it is empty) that nobody delivers at this moment.
struct Taken {
  std::vector<spool::Lease> leases;  ///< one recipient each
  std::size_t busy = 0;
  std::error_code error;  ///< of the last that could not be taken
};

Taken take(const spool::MessagePtr& message, const std::vector<std::uint32_t>& only) {
  Taken out;
  out.error = make_error_code(spool::Errc::settled);
  // A held message gives no leases. It is let go for as long as it takes to have them, and no
  // engine waits for it meanwhile: being held, it is in no lane.
  const bool held = message->envelope().held;
  if (held) message->set_held(false, [](std::error_code) {});
  for (std::uint32_t i = 0; i < message->recipients(); ++i) {
    if (!only.empty() && std::find(only.begin(), only.end(), i) == only.end()) continue;
    if (message->recipient(i).fate != Fate::pending) continue;
    Result<spool::Lease> lease = message->lease({&i, 1});
    if (lease) {
      out.leases.push_back(std::move(*lease));
    } else {
      out.error = lease.error();
      if (out.error == make_error_code(spool::Errc::leased)) ++out.busy;
    }
  }
  if (held) message->set_held(true, [](std::error_code) {});
  return out;
}

Reply cancelled() {
  return Reply(554, {5, 0, 0}, "delivery cancelled by the administrator"_text);
}

dsn::ReportedRecipient told_of(const spool::Message& message, std::uint32_t index) {
  const spool::Recipient r = message.recipient(index);
  dsn::ReportedRecipient out =
      reported(message, index, dsn::Action::failed, cancelled(), nullptr, nullptr);
  out.next_hop = r.lane;
  if (r.last_reply.code() != 0) out.reason = "the last reply was: " + r.last_reply.line();
  return out;
}

}  // namespace

net::Awaitable<void> Engine::Impl::give_up_for_operator(spool::MessageId id,
                                                        std::vector<std::uint32_t> indices,
                                                        bool tell,
                                                        OnGivenUp done) {
  const auto self = shared_from_this();
  GivenUp out;
  const Result<spool::MessagePtr> got = co_await spool.load(id);
  if (!got) {
    out.error = got.error();
    done(out);
    co_return;
  }
  const spool::MessagePtr message = *got;
  Taken taken = take(message, indices);
  out.busy = taken.busy;
  if (taken.leases.empty()) {
    out.error = taken.error;
    done(out);
    co_return;
  }
  if (tell) {
    std::vector<dsn::ReportedRecipient> about;
    for (const spool::Lease& lease : taken.leases)
      about.push_back(told_of(*message, lease.indices().front()));
    const bool may_fail = co_await report(message, std::move(about), options.routing());
    if (!may_fail) {
      out.error = make_error_code(spool::Errc::no_space);
      done(out);
      co_return;
    }
  }
  DeliveryEvent event;
  event.message = message;
  event.reply = cancelled();
  for (spool::Lease& lease : taken.leases) {
    event.index = lease.indices().front();
    event.outcome = tell ? outcome_of_failure(*message, event.index) : Outcome::discarded;
    event.attempts = message->recipient(event.index).attempts;
    lease.settle(
        event.index, tell ? Fate::failed : Fate::discarded, spool::Attempt{event.reply, {}, false});
    log(event);
    ++out.recipients;
  }
  out.settled = message->is_settled();
  if (!out.settled) {
    done(out);
    co_return;
  }
  hot.erase(id.value());
  // Nobody is left, so that held or not means nothing: what is waited for is that the message has
  // left the store.
  const bool other = !message->envelope().held;
  message->set_held(other, [out, done = std::move(done)](std::error_code) { done(out); });
}

void Engine::bounce(spool::MessageId id, std::vector<std::uint32_t> indices, OnGivenUp done) {
  net::asio::post(
      impl_->executor,
      [self = impl_, id, of = std::move(indices), done = std::move(done)]() mutable {
        self->spawn(self->give_up_for_operator(id, std::move(of), true, std::move(done)));
      });
}

void Engine::discard(spool::MessageId id, std::vector<std::uint32_t> indices, OnGivenUp done) {
  net::asio::post(
      impl_->executor,
      [self = impl_, id, of = std::move(indices), done = std::move(done)]() mutable {
        self->spawn(self->give_up_for_operator(id, std::move(of), false, std::move(done)));
      });
}

std::vector<spool::MessageId> Engine::retry(std::span<const spool::MessageId> ids) {
  std::vector<spool::MessageId> out;
  for (const auto& [name, box] : impl_->lanes) {
    const std::vector<spool::MessageId> found = box->lane.retry_now(ids);
    out.insert(out.end(), found.begin(), found.end());
    impl_->pump(box);
  }
  return out;
}

void Engine::forget(std::span<const spool::MessageId> ids) {
  for (const spool::MessageId id : ids)
    impl_->hot.erase(id.value());
  for (const auto& [name, box] : impl_->lanes) {
    box->lane.remove(ids);
    impl_->arm(box);
  }
}

}  // namespace postern::queue
