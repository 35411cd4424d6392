// SPDX-License-Identifier: Apache-2.0
#include "queue/attempt.h"

#include <algorithm>
#include <utility>

namespace postern::queue {
namespace {

using smtp::Reply;

std::size_t transaction_size(const routing::Target& target) {
  std::size_t most = routing::NextHopLimits().recipients_per_transaction;
  for (const routing::NextHop* hop : target.hops)
    most = std::min<std::size_t>(most, hop->limits.recipients_per_transaction);
  return std::max<std::size_t>(most, 1);
}

/// The message's octets into a transaction that is open for them.
struct Sent {
  Reply reply;
  bool unreadable = false;
};

net::Awaitable<Sent> send_message(HopTransaction& to,
                                  spool::Spool& spool,
                                  spool::MessagePtr message,
                                  std::string prefix) {
  Sent sent;
  const Reply begun = co_await to.begin();
  if (!begun.is_positive()) {
    sent.reply = begun;
    co_return sent;
  }
  bool alive = co_await to.write(prefix);
  spool::BodyReader reader = spool.read(std::move(message));
  while (alive) {
    const Result<spool::Chunk> chunk = co_await reader.next();
    if (!chunk) {
      // Leaving it unfinished is what tells the hop that this was no message.
      sent.reply = Reply(451, {4, 3, 0}, "the message cannot be read: " + chunk.error().message());
      sent.unreadable = true;
      co_return sent;
    }
    if (!*chunk) break;
    alive = co_await to.write(**chunk);
  }
  sent.reply = co_await to.finish();
  co_return sent;
}

/// One transaction with `count` recipients of the group from `first` on.
net::Awaitable<void> transact(HopPool& pool,
                              spool::Spool& spool,
                              spool::MessagePtr message,
                              const Group& group,
                              std::size_t first,
                              std::size_t count,
                              std::string prefix,
                              Attempted& out) {
  smtp::Sender sender = message->sender();
  sender.parameters.size = message->octets() + prefix.size();
  std::vector<smtp::Recipient> recipients;
  recipients.reserve(count);
  for (std::size_t i = first; i < first + count; ++i) {
    const Routed& r = group.recipients[i];
    recipients.push_back({r.decision.recipient_out, message->address(r.index).parameters});
  }
  const LetterFacts facts{message->tls_not_required(), message->content()};
  HopTransaction transaction(pool, group.target, std::move(sender), facts);
  std::vector<Reply> replies = co_await transaction.recipients(std::move(recipients));
  const auto accepted = [](const Reply& reply) { return reply.is_positive(); };
  if (std::any_of(replies.begin(), replies.end(), accepted)) {
    const Sent sent = co_await send_message(transaction, spool, message, std::move(prefix));
    out.unreadable = sent.unreadable;
    for (Reply& reply : replies) {
      if (reply.is_positive()) reply = sent.reply;
    }
  }
  out.report = transaction.report();
  out.replies.insert(out.replies.end(), replies.begin(), replies.end());
}

}  // namespace

net::Awaitable<Attempted> attempt(HopPool& pool,
                                  spool::Spool& spool,
                                  spool::MessagePtr message,
                                  const Group& group,
                                  std::string prefix) {
  Attempted out;
  const std::size_t most = transaction_size(group.target);
  const std::size_t total = group.recipients.size();
  for (std::size_t first = 0; first < total; first += most) {
    const std::size_t count = std::min(most, total - first);
    co_await transact(pool, spool, message, group, first, count, prefix, out);
    if (out.unreadable || out.report.trouble != HopTrouble::none) {
      // The rest would fare no better.
      const Reply last = out.report.reply;
      const Reply rest = last.is_positive() || last.code() == 0 ? out.replies.back() : last;
      const bool usable = !rest.is_positive();
      out.replies.resize(total,
                         usable ? rest : Reply(451, {4, 4, 1}, "the next hop broke off"_text));
      break;
    }
  }
  co_return out;
}

}  // namespace postern::queue
